/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/lua/authorization.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* True for what a scheme's name is made of (RFC 9110, token). */
static bool is_scheme(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* A comma is where two headers may have been joined. */
static bool is_token(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= 0x20 || text[i] >= 0x7f || text[i] == ',')
            return false;
    return len > 0;
}

enum authorization authorization_read(const char *text, size_t len, const char **token,
                                      size_t *token_len)
{
    size_t scheme = 0;

    while (len > 0 && is_blank(text[len - 1]))
        len--;
    for (; len > 0 && is_blank(*text); len--)
        text++;
    while (scheme < len && is_scheme(text[scheme]))
        scheme++;
    if (scheme == 0 || (scheme < len && text[scheme] != ' '))
        return AUTHORIZATION_REFUSED;
    if (scheme != strlen("bearer") || strncasecmp(text, "bearer", scheme) != 0)
        return memchr(text, ',', len) != NULL ? AUTHORIZATION_REFUSED : AUTHORIZATION_NONE;
    while (scheme < len && text[scheme] == ' ')
        scheme++;
    if (!is_token(text + scheme, len - scheme))
        return AUTHORIZATION_REFUSED;
    *token = text + scheme;
    *token_len = len - scheme;
    return AUTHORIZATION_TOKEN;
}
