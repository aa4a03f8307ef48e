/* SPDX-License-Identifier: Apache-2.0 */
/* Write messages to standard error, one line each, in levels.  Never pass a token's value; its id is
 * fine.  Control bytes are replaced by question marks.  Whoever reads the lines is not waited for: what
 * they do not take at once is dropped, and counted.  Any thread. */
#ifndef JETON_PLUGIN_SERVICE_LOG_H
#define JETON_PLUGIN_SERVICE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/text.h"

/* The numbers are syslog's (RFC 5424, section 6.2.1). */
enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_INFO = 6, LOG_DEBUG = 7 };

/* Find out whether standard error leads to the system's journal: lines for it begin with a priority
 * in angle brackets instead of the program's name, which must stay, and the level, see sd-daemon(3). */
void log_open(const char *program);

/* Drop messages above this level from now on; info at first. */
void log_set_level(enum log_level level);

/* True if messages of this level are written. */
bool log_wants(enum log_level level);

/* Parse "error", "warning", "info" or "debug"; false: it is none of them. */
bool log_level_named(struct slice name, enum log_level *level);

/* Return how many lines were dropped since the start. */
uint64_t log_dropped(void);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
