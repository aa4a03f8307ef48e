// SPDX-License-Identifier: Apache-2.0
// Verify API tokens of jetond over its socket; any number at once, over one connection.
//
//     const tokens = new Jeton({ service: 'api' });
//     const answer = await tokens.verify(value, { scope: 'deploy', client: request.socket.remoteAddress });
//     if (answer.ok) serve(answer.fields.subject); else refuse(answer.word);      // such as revoked, unavailable
'use strict';
const fs = require('node:fs');
const net = require('node:net');
const { dirname } = require('node:path');

const bytes = (text) => (Buffer.isBuffer(text) ? text : Buffer.from(String(text))).toString('latin1');
const quote = (text) => `"${bytes(text).replace(/["\\]/g, '\\$&')
  .replace(/[^ -~]/g, (c) => '\\x' + c.charCodeAt(0).toString(16).padStart(2, '0'))}"`;
const unquote = (word) => Buffer.from(word[0] !== '"' ? word : word.slice(1, -1).replace(/\\(x..|.)/g, (_, e) =>
  (e[1] ? String.fromCharCode(parseInt(e.slice(1), 16)) : { n: '\n', t: '\t', r: '\r' }[e] || e)), 'latin1').toString();

function parse(line) {
  const match = /^(OK|(NO|ERR) ([a-z-]+))((?: [a-z_]+=(?:"(?:[^"\\]|\\.)*"|[^ "\\]*))*)$/.exec(line || '');
  const fields = Object.fromEntries([...(match ? match[4] : '').matchAll(/ ([a-z_]+)=("(?:[^"\\]|\\.)*"|[^ "\\]*)/g)]
    .map(([, key, word]) => [key, unquote(word)]));
  if (!match || (match[1] === 'OK' && !fields.id)) return { ok: false, word: 'unavailable', fields: {} };
  return { ok: match[1] === 'OK', word: match[1] === 'OK' ? 'ok' : match[3], fields };
}

class Jeton {
  constructor(options = {}) {
    Object.assign(this, { path: '/run/jeton/verify.sock', timeout: 1000 }, options);
  }

  connect() {
    if (fs.statSync(dirname(this.path)).mode & 0o022) throw new Error('others could listen there');
    const socket = Object.assign(net.connect(this.path), { waiting: [], rest: '' });
    socket.setEncoding('latin1').on('error', () => {}).on('data', (data) => {
      const lines = (socket.rest + data).split('\n');
      socket.rest = lines.pop();
      for (const line of lines.filter((each) => !each.startsWith('*'))) (socket.waiting.shift() || (() => this.close()))(line);
      if (socket.rest.length > 16384) socket.destroy();
    }).on('close', () => { for (const done of socket.waiting.splice(0)) done(null); });
    return socket;
  }

  close() { if (this.socket) this.socket.destroy(); }

  // want: scope, subject, client.  One that is undefined is invalid, so that a missing setting does not ask for nothing.
  // It never rejects: whatever fails is unavailable.
  async verify(value, want = {}) {
    const words = Object.entries(this.service === undefined ? want : { service: this.service, ...want });
    if (words.some(([, text]) => text === undefined || text === null)) return { ok: false, word: 'invalid', fields: {} };
    const line = ['verify', ...words.map(([key, text]) => `${key}=${quote(text)}`), `token=${quote(value)}\n`].join(' ');
    if (!/^[!-~]*$/.test(bytes(value)) || line.length > 8192) return { ok: false, word: 'malformed', fields: {} };
    let timer, socket, late = false, reply = null;
    const deadline = new Promise((done) => { timer = setTimeout(() => { late = true; if (socket) socket.destroy(); done(null); }, this.timeout); });
    for (let tries = 0; tries < 2 && reply === null && !late; tries++) {        // the connection may be that of an old daemon
      try { socket = this.socket = this.socket && !this.socket.destroyed ? this.socket : this.connect(); } catch { break; }
      reply = await Promise.race([deadline, new Promise((done) => { socket.waiting.push(done); socket.write(line, 'latin1'); })]);
    }
    clearTimeout(timer);
    return parse(reply);
  }
}
module.exports = { Jeton };
