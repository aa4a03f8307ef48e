/* SPDX-License-Identifier: Apache-2.0 */
/* Write messages to people on standard error, one line each.  Never pass what a request had in it, nor
 * the secret.  Control bytes are replaced by question marks.  Whoever reads the lines is not waited for:
 * what they do not take at once is dropped. */
#ifndef JETON_PLUGIN_WEB_LOG_H
#define JETON_PLUGIN_WEB_LOG_H

void log_write(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
