/* SPDX-License-Identifier: Apache-2.0 */
/* Write lines to standard error in a thread of its own, so that nobody else waits for whoever reads
 * them: a pipe may be full, or its reader stopped.  Lines wait in a buffer of fixed size; those that
 * do not fit are dropped and counted, and a line in their place reports how many, once the reader
 * takes lines again.  log.h is for whoever has something to report. */
#ifndef JETON_DAEMON_BASE_LOG_WRITER_H
#define JETON_DAEMON_BASE_LOG_WRITER_H

#include <stddef.h>
#include <stdint.h>

enum { LOG_LINE_MAX = 1024 }; /* bytes, with the newline */

/* Write a line that reports so many dropped lines into LOG_LINE_MAX bytes; return its length. */
typedef size_t log_writer_notice(char *line, uint64_t dropped);

/* Start the thread.  Before that, and if it cannot be started, lines are written directly.
 * 0 or -errno. */
int log_writer_start(log_writer_notice *notice);

/* Write a whole line of at most LOG_LINE_MAX bytes.  Any thread. */
void log_writer_put(const char *line, size_t len);

/* Wait until all lines are written, but at most a second.  Any thread. */
void log_writer_flush(void);

/* Flush, and end the thread.  Lines are then written directly again, or dropped if the thread could
 * not end because a write() of it hangs. */
void log_writer_stop(void);

/* Return how many lines were dropped since the start. */
uint64_t log_writer_dropped(void);

#endif
