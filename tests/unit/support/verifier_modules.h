/* SPDX-License-Identifier: Apache-2.0 */
/* Make a directory with verifiers in it that only we may write: otherwise no module is loaded, and
 * others may write where this was built. */
#ifndef JETON_TESTS_VERIFIER_MODULES_H
#define JETON_TESTS_VERIFIER_MODULES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every test that includes this uses some of it; not every one uses all of it. */
#pragma GCC diagnostic ignored "-Wunused-function"

static char directory[64];

/* Return a path in the directory, valid until the next call but three. */
static const char *in_directory(const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return path;
}

static void copy_file(const char *from, const char *to)
{
    char bytes[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(in >= 0 && out >= 0);
    for (ssize_t n; (n = read(in, bytes, sizeof(bytes))) > 0;)
        assert_int_equal(write(out, bytes, (size_t)n), n);
    assert_int_equal(fchmod(out, 0644), 0);
    close(in);
    close(out);
}

/* Copy build/tests/verifiers/NAME.so into the directory. */
static void bring(const char *name)
{
    char self[PATH_MAX], from[PATH_MAX + 64], file[64];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    assert_true(len > 0);
    self[len] = '\0';
    char *unit = strstr(self, "/tests/unit/");
    assert_non_null(unit);
    *unit = '\0';
    snprintf(from, sizeof(from), "%s/tests/verifiers/%s.so", self, name);
    snprintf(file, sizeof(file), "%s.so", name);
    copy_file(from, in_directory(file));
}

/* Return what the verifiers noted since the last call. */
static const char *notes(void)
{
    static char text[4096];
    FILE *file = fopen(in_directory("notes"), "re");
    size_t len = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;

    text[len] = '\0';
    if (file != NULL)
        fclose(file);
    unlink(in_directory("notes"));
    return text;
}

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/jeton-verifiers-XXXXXX");
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chmod(directory, 0755), 0);
    setenv("JETON_UNIT_NOTES", in_directory("notes"), 1);
    return 0;
}

static int remove_directory(void **state)
{
    DIR *dir = opendir(directory);

    (void)state;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.' && unlink(in_directory(entry->d_name)) < 0)
            rmdir(in_directory(entry->d_name));
    closedir(dir);
    return rmdir(directory);
}

#endif
