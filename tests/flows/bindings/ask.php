<?php
// SPDX-License-Identifier: Apache-2.0
// Ask the example for PHP what standard input asks (see support/askers.py): PATH TIMEOUT.
require __DIR__ . '/../../../plugin/examples/php/jeton.php';
set_error_handler(fn ($code, $message) => error_reporting() & $code ? throw new ErrorException($message) : true);
$tokens = new Jeton(path: $argv[1], timeout: (float) $argv[2]);
while (($line = fgets(STDIN)) !== false) {
    $words = explode(' ', rtrim($line));
    $value = hex2bin(str_replace('-', '', array_shift($words)));
    $want = [];
    foreach ($words as $word) {
        [$key, $text] = explode('=', $word);
        $want[$key] = hex2bin($text);
    }
    $answer = $tokens->verify($value, $want);
    echo "$answer[word] ", $answer['id'] ?? '-', ' ', bin2hex($answer['subject'] ?? '') ?: '-', "\n";
}
