/* SPDX-License-Identifier: Apache-2.0 */
/* What is printed at the start: the link, and for people what it leads to. */
#ifndef JETON_PLUGIN_WEB_ANNOUNCE_H
#define JETON_PLUGIN_WEB_ANNOUNCE_H

#include "plugin/web/daemon_socket.h"
#include "plugin/web/secret.h"
#include "plugin/web/settings.h"

enum { ANNOUNCE_LINK_MAX = ORIGIN_MAX + SECRET_TEXT + 2 };

/* The link: the secret is behind the '#', which browsers do not send. */
void announce_put_link(struct text *t, const struct settings *settings,
                       const struct secret *secret);

/* Write the link as the only line of standard output, which then is at its end.  False: it cannot be
 * written. */
bool announce_link(struct slice link);

/* Explain on standard error whose rights the page has, and how it is reached over ssh. */
void announce_people(const struct settings *settings, const struct daemon_socket *daemon);

#endif
