// SPDX-License-Identifier: Apache-2.0

// Ask the example for Go what standard input asks (see support/askers.py): PATH TIMEOUT.
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"ask/jeton"
)

func text(digits string) string {
	bytes, err := hex.DecodeString(strings.Replace(digits, "-", "", 1))
	if err != nil {
		panic(err)
	}
	return string(bytes)
}

func shown(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func main() {
	seconds, _ := strconv.ParseFloat(os.Args[2], 64)
	tokens := jeton.Client{Path: os.Args[1], Timeout: time.Duration(seconds * float64(time.Second))}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		want := map[string]string{}
		for _, word := range words[1:] {
			key, digits, _ := strings.Cut(word, "=")
			want[key] = text(digits)
		}
		word, fields := tokens.Verify(text(words[0]), want)
		fmt.Println(word, shown(fields["id"]), shown(hex.EncodeToString([]byte(fields["subject"]))))
	}
}
