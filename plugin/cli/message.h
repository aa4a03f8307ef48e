/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to people, on standard error. */
#ifndef JETON_PLUGIN_CLI_MESSAGE_H
#define JETON_PLUGIN_CLI_MESSAGE_H

#include "plugin/cli/escape.h"

/* Says "jeton: …" on a line of its own.  Whatever the arguments hold is made harmless. */
void cli_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Shows how far long work has come, in place of what was shown last: only on a terminal, only
 * after half a second, and at most five times a second. */
void cli_message_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Takes it away. */
void cli_message_progress_end(void);

/* Milliseconds on a clock that only goes forward. */
int64_t cli_message_clock(void);

#endif
