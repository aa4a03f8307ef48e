/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to people, on standard error. */
#ifndef JETON_PLUGIN_CLI_MESSAGE_H
#define JETON_PLUGIN_CLI_MESSAGE_H

#include "plugin/cli/escape.h"

/* Write "jeton: …" as a line of its own.  Control characters in the arguments are escaped. */
void cli_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Write what is good to know, but no fault, in the same way; unless remarks are turned off. */
void cli_message_remark(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_message_no_remarks(void);

/* Show progress on the line of the progress shown before: only on a terminal, only after half a
 * second, and at most five times a second. */
void cli_message_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Remove the progress line. */
void cli_message_progress_end(void);

/* Return the time of the monotonic clock in milliseconds. */
int64_t cli_message_clock(void);

#endif
