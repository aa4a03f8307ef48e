/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/introspect/client_auth.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SECRET_MAX = 4096,
    PAIR_MAX = 3 * (CLIENT_AUTH_ID_MAX + SECRET_MAX) + 1,
};

/* Buffers for making one header; wiped afterwards. */
struct scratch {
    char secret[SECRET_MAX + 3]; /* with CR LF, and one byte more to detect an overlong one */
    char pair[PAIR_MAX];
};

static const char basic[] = "Authorization: Basic ", bearer[] = "Authorization: Bearer ";

/* Encode as RFC 6749 appendix B, which follows HTML 4: a space becomes a plus. */
void form_encode(struct text *out, struct slice bytes)
{
    static const char digit[] = "0123456789ABCDEF";

    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.at[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '*') {
            text_addc(out, (char)c);
        } else if (c == ' ') {
            text_addc(out, '+');
        } else {
            text_addc(out, '%');
            text_addc(out, digit[c >> 4]);
            text_addc(out, digit[c & 15]);
        }
    }
}

/* Return NULL, or why the file must not hold a secret. */
static const char *file_fault(int fd)
{
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "it is not a regular file";
    if ((st.st_mode & S_IRWXO) != 0)
        return "it is open to others: chmod o-rwx";
    return NULL;
}

static const char *text_fault(struct slice secret, bool spaces)
{
    if (secret.len == 0)
        return "it is empty";
    if (secret.len > SECRET_MAX)
        return "it is longer than 4096 bytes";
    for (size_t i = 0; i < secret.len; i++)
        if (secret.at[i] < (spaces ? ' ' : '!') || secret.at[i] > '~')
            return "a secret is one line of printable ASCII";
    return NULL;
}

/* Read up to the end of the file, at most `size` bytes; return their number, or -1 and errno. */
static ssize_t read_all(int fd, char *to, size_t size)
{
    size_t have = 0;
    ssize_t got = 1;

    while (have < size && got != 0) {
        got = read(fd, to + have, size - have);
        if (got < 0 && errno != EINTR)
            return -1;
        have += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)have;
}

static struct slice without_newline(struct slice s)
{
    if (s.len > 0 && s.at[s.len - 1] == '\n')
        s.len--;
    if (s.len > 0 && s.at[s.len - 1] == '\r')
        s.len--;
    return s;
}

static bool read_secret(const char *path, bool spaces, char *buffer, size_t buffer_size,
                        struct slice *secret, char *problem, size_t size)
{
    /* O_NONBLOCK: opening a FIFO must not hang. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const char *fault = file_fault(fd);
    ssize_t got = fault == NULL ? read_all(fd, buffer, buffer_size) : 0;

    if (got < 0)
        fault = strerror(errno);
    if (fault == NULL) {
        *secret = without_newline((struct slice){ buffer, (size_t)got });
        fault = text_fault(*secret, spaces);
    }
    if (fault != NULL)
        snprintf(problem, size, "%.200s: %s", path, fault);
    if (fd >= 0)
        close(fd);
    return fault == NULL;
}

static char *basic_line(struct slice pair)
{
    size_t size = sizeof(basic) - 1 +
                  sodium_base64_encoded_len(pair.len, sodium_base64_VARIANT_ORIGINAL);
    char *line = malloc(size);

    if (line == NULL)
        return NULL;
    memcpy(line, basic, sizeof(basic) - 1);
    sodium_bin2base64(line + sizeof(basic) - 1, size - (sizeof(basic) - 1),
                      (const unsigned char *)pair.at, pair.len, sodium_base64_VARIANT_ORIGINAL);
    return line;
}

static char *bearer_line(struct slice secret)
{
    size_t size = sizeof(bearer) + secret.len;
    char *line = malloc(size);

    if (line != NULL)
        snprintf(line, size, "%s%.*s", bearer, (int)secret.len, secret.at);
    return line;
}

static char *header_line(const char *client_id, struct slice secret, struct scratch *s)
{
    if (client_id == NULL)
        return bearer_line(secret);
    struct text pair = text_in(s->pair, sizeof(s->pair));
    form_encode(&pair, slice_of(client_id));
    text_addc(&pair, ':');
    form_encode(&pair, secret);
    return basic_line(text_slice(&pair));
}

static char *make_header(const char *client_id, const char *path, char *problem, size_t size)
{
    struct scratch *s = calloc(1, sizeof(*s));
    struct slice secret = { NULL, 0 };
    char *line = NULL;

    if (s == NULL) {
        snprintf(problem, size, "out of memory");
        return NULL;
    }
    if (read_secret(path, client_id != NULL, s->secret, sizeof(s->secret), &secret, problem,
                    size)) {
        line = header_line(client_id, secret, s);
        if (line == NULL)
            snprintf(problem, size, "out of memory");
    }
    sodium_memzero(s, sizeof(*s));
    free(s);
    return line;
}

char *client_auth_basic(const char *client_id, const char *path, char *problem, size_t size)
{
    return make_header(client_id, path, problem, size);
}

char *client_auth_bearer(const char *path, char *problem, size_t size)
{
    return make_header(NULL, path, problem, size);
}

void client_auth_free(char *header)
{
    if (header != NULL)
        sodium_memzero(header, strlen(header));
    free(header);
}
