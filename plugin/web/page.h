/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the page: all that a directory has at the start, kept in memory.  Nothing else is ever
 * served, and no path of a request reaches the file system. */
#ifndef JETON_PLUGIN_WEB_PAGE_H
#define JETON_PLUGIN_WEB_PAGE_H

#include "proto/text.h"

enum {
    PAGE_FILES_MAX = 128,
    PAGE_NAME_MAX = 64,
    PAGE_BYTES_MAX = 8 * 1024 * 1024, /* of all files */
};

struct page_file {
    char name[PAGE_NAME_MAX + 1];
    const char *type; /* for Content-Type */
    struct slice bytes;
};

struct page;

/* Load the files of a directory: regular ones, named by [a-z0-9_.-] and not beginning with a dot, of
 * types that a page has; others are left out.  There must be an index.html.  NULL: an error, after a
 * message in `fault`. */
struct page *page_load(const char *directory, char *fault, size_t size);
void page_free(struct page *page);

/* Find the file for a request's target: "/" is index.html, "/NAME" a file.  NULL: there is none. */
const struct page_file *page_find(const struct page *page, struct slice target);

#endif
