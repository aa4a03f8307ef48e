/* SPDX-License-Identifier: Apache-2.0 */
/* The file that a daemon hands out as its table, before it is mapped. */
#ifndef JETON_PLUGIN_LIB_TABLE_FILE_H
#define JETON_PLUGIN_LIB_TABLE_FILE_H

#include <stdint.h>

/* Return what is wrong with a file of `size` bytes that nobody can shrink or write to; NULL: nothing.  Any
 * thread. */
const char *table_file_fault(int fd, uint64_t size);

#endif
