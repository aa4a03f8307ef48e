/* SPDX-License-Identifier: Apache-2.0 */
/* An exchange: lines go to the daemon over a connection of their own, and what comes back goes to the
 * browser in chunks, as it comes.  What one side does not take is not read from the other, so memory is
 * bounded.  It knows nothing of the protocol. */
#ifndef JETON_PLUGIN_WEB_EXCHANGE_H
#define JETON_PLUGIN_WEB_EXCHANGE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct exchange;

/* The exchange is over; `whole`: the daemon has ended it, and all of it was sent.  Free it. */
typedef void exchange_over(void *argument, bool whole);

/* Begin one between two connected descriptors.  It takes over `lines`, which was made by malloc(), and
 * the daemon's descriptor, also if it fails; the client's stays the caller's.  NULL: it fails. */
struct exchange *exchange_begin(struct event_base *base, int client, int daemon, char *lines,
                                size_t len, exchange_over *over, void *argument);

/* End it, and wipe what is left of it. */
void exchange_free(struct exchange *x);

/* Return when bytes moved last, by clock_ms(). */
int64_t exchange_moved(const struct exchange *x);

/* True if one side has not taken yet what there is for it. */
bool exchange_is_waiting(const struct exchange *x);

#endif
