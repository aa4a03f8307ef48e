/* SPDX-License-Identifier: Apache-2.0 */
/* Names of users by uid, looked up by a thread of its own, as a name service may keep it waiting.
 *
 * Any thread asks, and never waits: what is not known yet is looked up, and whoever made the struct
 * is called then.  What was found counts for some minutes.  Memory is bounded: some thousand names
 * are kept, and some dozens wait; whoever asks for more asks again when one was found. */
#ifndef JETON_DAEMON_BASE_USER_NAMES_H
#define JETON_DAEMON_BASE_USER_NAMES_H

#include <stdbool.h>
#include <sys/types.h>

enum { USER_NAME_MAX = 64 }; /* bytes; a user with a longer name has none here */

enum user_name_found { USER_NAME_FOUND, USER_NAME_NONE, USER_NAME_PENDING };

struct user_names;

/* Start the thread, which calls `on_found` with `context` after each look-up.  NULL: no memory or
 * thread. */
struct user_names *user_names_new(void (*on_found)(void *context), void *context);

/* End the thread, unless it hangs in a look-up: then return false, and the struct stays, as the
 * thread still uses it.  `on_found` is not called any more.  NULL is allowed. */
bool user_names_free(struct user_names *names);

/* Look for the name that the user has now.  USER_NAME_PENDING: `on_found` will be called. */
enum user_name_found user_names_get(struct user_names *names, uid_t uid,
                                    char name[USER_NAME_MAX + 1]);

#endif
