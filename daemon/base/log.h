/* SPDX-License-Identifier: Apache-2.0 */
/* Write messages to standard error, one line each, in levels.  Any thread.  Never pass a token's
 * value; its id is fine.  Control bytes are replaced by question marks. */
#ifndef JETON_DAEMON_BASE_LOG_H
#define JETON_DAEMON_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* The numbers are syslog's (RFC 5424, section 6.2.1). */
enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

/* Drop messages above this level from now on.  The level at start is info. */
void log_set_level(enum log_level level);

/* Find out whether standard error leads to the system's journal: lines for it begin with a priority
 * in angle brackets instead of our name, see sd-daemon(3).  The main thread, before there are
 * others. */
void log_open(void);

/* True if standard error leads to the journal. */
bool log_is_journal(void);

/* Parse "error", "warning", "info" or "debug"; false: it is none of them. */
bool log_level_named(const char *name, enum log_level *level);

/* From now on let a thread of its own write the lines, so that no other thread waits for whoever
 * reads them: what they do not take in time is dropped, see log_writer.h.  The main thread, after
 * rights were given up: the thread has those of this moment. */
void log_start(void);

/* Wait until all lines are written, but at most a second. */
void log_flush(void);

/* Flush, and end the thread.  The main thread. */
void log_stop(void);

/* Return how many lines were dropped since the start. */
uint64_t log_dropped(void);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
