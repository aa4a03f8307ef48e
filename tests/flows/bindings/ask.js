// SPDX-License-Identifier: Apache-2.0
// Ask the example for Node what standard input asks (see support/askers.py): PATH TIMEOUT ONE-BY-ONE.
'use strict';
const { Jeton } = require('../../../plugin/examples/node/jeton.js');
const [path, timeout, oneByOne] = process.argv.slice(2);
const tokens = new Jeton({ path, timeout: 1000 * timeout });
const text = (hex) => Buffer.from(hex.replace('-', ''), 'hex');

async function main() {
  const lines = require('node:fs').readFileSync(0, 'latin1').split('\n').filter(Boolean);
  const ask = (line) => {
    const [value, ...rest] = line.split(' ');
    return tokens.verify(text(value), Object.fromEntries(rest.map((word) => word.split('=')).map(([key, hex]) => [key, text(hex)])));
  };
  const asked = [];
  for (const line of lines) {
    asked.push(ask(line));
    if (oneByOne === '1') await asked.at(-1);
  }
  const answers = await Promise.all(asked);
  for (const { ok, word, fields } of answers) {
    if (ok !== (word === 'ok')) throw new Error(`${ok} and ${word}`);
    console.log(word, fields.id || '-', Buffer.from(fields.subject || '').toString('hex') || '-');
  }
  tokens.close();
}
main();
