// SPDX-License-Identifier: Apache-2.0

// Package jeton verifies API tokens of jetond: c := jeton.Client{Path: "/run/jeton/verify.sock", Timeout: time.Second};
// word, fields := c.Verify(value, map[string]string{"service": "api", "scope": "deploy"}).  Only the word "ok" is a
// pass; others are such as revoked and unavailable.  Any number of goroutines may use a client.
package jeton

import (
	"bufio"
	"encoding/hex"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

type Client struct {
	Path    string
	Timeout time.Duration
	idle    sync.Pool // of connections; those that nobody needs any more are closed by the collector
}

var plain, pair = regexp.MustCompile(`^[!-~]*$`), regexp.MustCompile(`..`)

const fields = `(?: [a-z_]+=(?:"(?:[^"\\]|\\.)*"|[^ "\\]*))*`

var final = regexp.MustCompile(`^(?:(OK)( id=[^ ]+` + fields + `)|(?:NO|ERR) ([a-z-]+)(` + fields + `))\n$`)
var field = regexp.MustCompile(` ([a-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^ "\\]*))`)

// Verify asks with the keys scope, subject, service and client of want, each only if it is there.
func (c *Client) Verify(value string, want map[string]string) (string, map[string]string) {
	line, found := "verify", map[string]string{}
	for key, text := range want {
		line += " " + key + `="` + pair.ReplaceAllString(hex.EncodeToString([]byte(text)), `\x$0`) + `"`
	}
	line += ` token="` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(value) + "\"\n"
	if !plain.MatchString(value) || len(line) > 8192 {
		return "malformed", nil
	}
	// Without a match, these take the places of its groups.
	match := append(final.FindStringSubmatch(c.ask(line, time.Now().Add(c.Timeout))), "", "", "", "unavailable", "")
	for _, m := range field.FindAllStringSubmatch(match[2]+match[4], -1) {
		text, _ := strconv.Unquote(`"` + m[2] + `"`)
		found[m[1]] = text + m[3]
	}
	return strings.ToLower(match[1] + match[3]), found
}

// ask returns the final line, or "".  An idle connection may be that of a daemon that is gone: then it dials.
func (c *Client) ask(line string, deadline time.Time) string {
	conn, idle := c.idle.Get().(net.Conn)
	if info, err := os.Stat(c.Path[:strings.LastIndex(c.Path, "/")+1]); !idle && err == nil && info.Mode().Perm()&0o022 == 0 {
		conn, _ = net.DialTimeout("unix", c.Path, time.Until(deadline))
	}
	if conn == nil { // nobody is there, or others could be
		return ""
	}
	conn.SetDeadline(deadline)
	conn.Write([]byte(line))
	in := bufio.NewReader(conn)
	for reply, err := in.ReadString('\n'); err == nil; reply, err = in.ReadString('\n') {
		if reply[0] != '*' {
			c.idle.Put(conn)
			return reply
		}
	}
	conn.Close()
	if idle {
		return c.ask(line, deadline)
	}
	return ""
}
