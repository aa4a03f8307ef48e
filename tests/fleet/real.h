/* SPDX-License-Identifier: Apache-2.0 */
/* The one real host among the simulated ones: a jetond, asked over its sockets by short requests that are waited for,
 * each 0.25 ms while there is something to wait for. */
#ifndef JETON_TESTS_FLEET_REAL_H
#define JETON_TESTS_FLEET_REAL_H

#include "tests/fleet/simulation.h"

struct real;

/* Connect to the sockets of the roles verify and fleet; ends the program if that fails. */
struct real *real_new(struct simulation *s, const char *verify, const char *fleet);
void real_free(struct real *r);

/* Ask once: true if the token with this number is accepted. */
bool real_accepts(struct real *r, uint64_t number);

/* Return the serial of its place: all up to it is saved there, and in force. */
uint64_t real_serial(struct real *r);

/* Watch for the moment at which it refuses a token, and for that at which it has saved a change: once its serial is
 * known. */
void real_watch(struct real *r, uint64_t number);
void real_expect(struct real *r, uint64_t serial);

/* Return when it refused and when it had saved what it is watched for, in nanoseconds; 0: not yet. */
int64_t real_refused(const struct real *r);
int64_t real_saved(const struct real *r);

#endif
