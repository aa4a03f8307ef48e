<?php
// SPDX-License-Identifier: Apache-2.0
// Verify API tokens of jetond over its socket.
//
//     $tokens = new Jeton(service: 'api');
//     $answer = $tokens->verify($value, ['scope' => 'deploy', 'client' => $_SERVER['REMOTE_ADDR']]);
//     if ($answer['word'] === 'ok') serve($answer['subject'] ?? ''); else refuse($answer['word']);   // revoked, unavailable
declare(strict_types=1);

final class Jeton
{
    private const FIELD = ' ([a-z_]+)=("(?:[^"\\\\]|\\\\.)*+"|[^ "\\\\]*+)';
    private $stream = null;

    public function __construct(private string $path = '/run/jeton/verify.sock', private ?string $service = null,
                                private float $timeout = 1.0) {}

    // $want: scope, subject, client.  One that is no string is invalid, so that a missing setting does not ask for nothing.
    // It throws nothing: whatever fails is unavailable.
    public function verify(string $value, array $want = []): array
    {
        $line = 'verify';
        foreach (($this->service === null ? [] : ['service' => $this->service]) + $want as $key => $text) {
            if (!is_string($text)) return ['word' => 'invalid'];
            $line .= " $key=" . self::quote($text);
        }
        $line .= ' token=' . self::quote($value) . "\n";
        if (!preg_match('/^[!-~]*\z/', $value) || strlen($line) > 8192) return ['word' => 'malformed'];
        $deadline = microtime(true) + $this->timeout;
        // The connection may be that of a daemon that is gone: then once more.
        $reply = $this->ask($line, $deadline) ?? $this->ask($line, $deadline) ?? '';
        if (!preg_match('/^(?:OK(?= id=[^ ])|(?:NO|ERR) ([a-z-]+))((?:' . self::FIELD . ')*+)\z/', $reply, $match)) return ['word' => 'unavailable'];
        preg_match_all('/' . self::FIELD . '/', $match[2] ?? '', $fields, PREG_SET_ORDER);
        return ['word' => ($match[1] ?? '') === '' ? 'ok' : $match[1]] + array_map(self::unquote(...), array_column($fields, 2, 1));
    }

    private static function quote(string $text): string
    {
        return '"' . preg_replace_callback('/[^ !#-[\]-~]/', fn ($m) => sprintf('\x%02x', ord($m[0])), $text) . '"';
    }

    private static function unquote(string $word): string
    {
        return $word === '' || $word[0] !== '"' ? $word : preg_replace_callback('/\\\\(x[0-9A-Fa-f]{2}|.)/', fn ($m) =>
            isset($m[1][1]) ? chr(hexdec(substr($m[1], 1))) : strtr($m[1], ['n' => "\n", 't' => "\t", 'r' => "\r"]), substr($word, 1, -1));
    }

    /** Return the final line without its end; null: there is none in time. */
    private function ask(string $line, float $deadline): ?string
    {
        if (!is_resource($this->stream) && !((@fileperms(dirname($this->path)) ?: 022) & 022)) {     // or others could listen there
            $this->stream = @stream_socket_client("unix://$this->path", $code, $error, max(0.001, $deadline - microtime(true)));
        }
        if (!is_resource($this->stream)) return null;
        stream_set_blocking($this->stream, false);
        $text = @fwrite($this->stream, $line) === strlen($line) ? '' : null;
        while ($text !== null && ($left = $deadline - microtime(true)) > 0 && strlen($text) <= 16384) {
            if (preg_match('/^(?:\*.*\n)*([^*\n].*)\n\z/', $text, $match)) return $match[1];
            $read = [$this->stream]; $write = $except = null;
            if (!stream_select($read, $write, $except, 0, (int) min(999999, $left * 1e6 + 1))) continue;
            $data = fread($this->stream, 8192);
            if ($data === false || $data === '') break;
            $text .= $data;
        }
        fclose($this->stream);
        return null;
    }
}
