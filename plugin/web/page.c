/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/page.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct page {
    size_t count;
    size_t bytes;
    struct page_file file[PAGE_FILES_MAX];
};

/* In the order in which they are tried. */
static const struct {
    const char *end, *type;
} types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".mjs", "text/javascript; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".svg", "image/svg+xml" },
    { ".png", "image/png" },
    { ".ico", "image/vnd.microsoft.icon" },
    { ".json", "application/json" },
    { ".webmanifest", "application/manifest+json" },
};

static const char *type_of(const char *name)
{
    const size_t len = strlen(name);

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const size_t end = strlen(types[i].end);
        if (len > end && strcmp(name + len - end, types[i].end) == 0)
            return types[i].type;
    }
    return NULL;
}

static bool is_name(const char *name)
{
    const size_t len = strlen(name);

    return len <= PAGE_NAME_MAX && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == len;
}

static bool read_all(int fd, char *at, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t some = read(fd, at + got, len - got);
        if (some <= 0) {
            errno = some == 0 ? EIO : errno;
            return false;
        }
        got += (size_t)some;
    }
    return true;
}

/* Add an open file.  Return 0 or an errno. */
static int add(struct page *page, int fd, const char *name, const char *type)
{
    struct page_file *f = &page->file[page->count];
    struct stat st;

    if (fstat(fd, &st) < 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return 0;
    const size_t len = (size_t)st.st_size;
    if (page->count == PAGE_FILES_MAX || len > PAGE_BYTES_MAX - page->bytes)
        return EFBIG;
    char *bytes = malloc(len + 1);
    if (bytes == NULL)
        return ENOMEM;
    if (!read_all(fd, bytes, len)) {
        free(bytes);
        return errno;
    }
    memcpy(f->name, name, strlen(name) + 1); /* is_name() has bounded it */
    f->type = type;
    f->bytes = (struct slice){ bytes, len };
    page->count++;
    page->bytes += len;
    return 0;
}

static int load_one(struct page *page, int directory, const char *name)
{
    const char *type = type_of(name);

    if (type == NULL || !is_name(name))
        return 0;
    /* A FIFO would be waited for. */
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ELOOP ? 0 : errno;
    int error = add(page, fd, name, type);
    close(fd);
    return error;
}

static int load_all(struct page *page, DIR *directory, const char **name)
{
    int error = 0;

    for (struct dirent *entry; error == 0 && (entry = readdir(directory)) != NULL;) {
        *name = entry->d_name;
        error = load_one(page, dirfd(directory), entry->d_name);
    }
    return error;
}

struct page *page_load(const char *path, char *fault, size_t size)
{
    struct page *page = calloc(1, sizeof(*page));
    DIR *directory = opendir(path);
    const char *name = "";

    int error = directory == NULL ? errno :
                page == NULL      ? ENOMEM :
                                    load_all(page, directory, &name);
    if (error != 0)
        snprintf(fault, size, "cannot read the page in %s%s%s: %s", path,
                 name[0] != '\0' ? ", " : "", name, strerror(error));
    else if (page_find(page, (struct slice)SLICE("/")) == NULL)
        snprintf(fault, size, "there is no page in %s: index.html is missing", path);
    else
        fault[0] = '\0';
    if (directory != NULL)
        closedir(directory);
    if (fault[0] == '\0')
        return page;
    page_free(page);
    return NULL;
}

void page_free(struct page *page)
{
    for (size_t i = 0; page != NULL && i < page->count; i++)
        free((char *)page->file[i].bytes.at);
    free(page);
}

const struct page_file *page_find(const struct page *page, struct slice target)
{
    if (target.len == 0 || target.at[0] != '/')
        return NULL;
    const struct slice name = target.len == 1 ? (struct slice)SLICE("index.html") :
                                                (struct slice){ target.at + 1, target.len - 1 };
    for (size_t i = 0; i < page->count; i++)
        if (slice_is(name, page->file[i].name))
            return &page->file[i];
    return NULL;
}
