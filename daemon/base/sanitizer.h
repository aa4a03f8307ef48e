/* SPDX-License-Identifier: Apache-2.0 */
/* Tell whether this is a sanitizer's build.  The sanitizer's run-time needs what the sandbox
 * forbids (tracing itself, mapping at will), and must see every allocation. */
#ifndef JETON_DAEMON_BASE_SANITIZER_H
#define JETON_DAEMON_BASE_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define JETON_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define JETON_SANITIZED 1
#endif
#endif

#ifndef JETON_SANITIZED
#define JETON_SANITIZED 0
#endif

#endif
