/* SPDX-License-Identifier: Apache-2.0 */
/* The words of jeton-fleet that administer: each connects, does one thing, says what it did, and returns the exit
 * status. */
#ifndef JETON_PLUGIN_FLEET_WORDS_H
#define JETON_PLUGIN_FLEET_WORDS_H

#include <libpq-fe.h>

#include "plugin/fleet/config.h"

struct word_options {
    const char *database;   /* NULL: that of the configuration */
    const char *migrations; /* NULL: those that are installed */
    const char *groups;     /* of join; NULL: not given */
    const char *host;
    bool issuer, json;
};

int word_init(const struct config *c, const struct word_options *o);
int word_migrate(const struct config *c, const struct word_options *o);
int word_status(const struct config *c, const struct word_options *o);
int word_hosts(const struct config *c, const struct word_options *o);
int word_join(const struct config *c, const struct word_options *o);
int word_leave(const struct config *c, const struct word_options *o);

/* -- for the words ------------------------------------------------------------------------------ */

/* Connect, to the server that leads if it `changes` anything; NULL: why not was said. */
PGconn *words_connect(const struct config *c, const struct word_options *o, bool changes);

/* Query; NULL: why not was said, naming `what` was to be done. */
PGresult *words_query(PGconn *conn, const char *what, const char *sql, int count,
                      const char *const *parameters);

#endif
