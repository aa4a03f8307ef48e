/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to people, on standard error. */
#ifndef JETON_PLUGIN_CLI_MESSAGE_H
#define JETON_PLUGIN_CLI_MESSAGE_H

#include "plugin/cli/escape.h"

/* Writes "jeton: …" as a line of its own.  Control characters in the arguments are escaped. */
void cli_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Shows progress, in place of what was shown last: only on a terminal, only after half a second,
 * and at most five times a second. */
void cli_message_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Removes the progress line. */
void cli_message_progress_end(void);

/* Milliseconds of the monotonic clock. */
int64_t cli_message_clock(void);

#endif
