/* SPDX-License-Identifier: Apache-2.0 */
/* Run a harness without libFuzzer: call it with each file of the named directories, or the named
 * files, and print the one that it fails on. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INPUT_MAX = 1024 * 1024 };

/* Shared with the parent process, which reports. */
static struct progress {
    unsigned count;
    char path[PATH_MAX];
} * progress;

static bool replay_file(const char *path)
{
    static char buffer[INPUT_MAX];
    FILE *file = fopen(path, "re");

    snprintf(progress->path, sizeof(progress->path), "%s", path);
    if (file == NULL)
        return false;
    size_t len = fread(buffer, 1, sizeof(buffer), file);
    bool ok = ferror(file) == 0;
    fclose(file);
    char *bytes = fuzz_copy((struct slice){ buffer, len });
    if (ok)
        LLVMFuzzerTestOneInput((const uint8_t *)bytes, len);
    free(bytes);
    progress->count++;
    return ok;
}

static bool replay_directory(const char *path)
{
    DIR *directory = opendir(path);
    char file[PATH_MAX];
    bool ok = directory != NULL;

    for (struct dirent *e; ok && (e = readdir(directory)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        int len = snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
        ok = len < (int)sizeof(file) && replay_file(file);
    }
    if (directory != NULL)
        closedir(directory);
    return ok;
}

static bool replay(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? replay_directory(path) : replay_file(path);
}

static int run(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        if (!replay(argv[i])) {
            fprintf(stderr, "[  ERROR   ] --- %s: cannot be read\n", argv[i]);
            return EXIT_FAILURE;
        }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    int status;

    progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                    0);
    MUST(progress != MAP_FAILED);
    pid_t child = fork();
    if (child == 0)
        exit(run(argc, argv));
    MUST(child > 0 && waitpid(child, &status, 0) == child);
    if (status == 0 && progress->count > 0) {
        printf("%s: %u inputs\n", argv[0], progress->count);
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "[  ERROR   ] --- %s failed on %s\n", argv[0],
            progress->path[0] != '\0' ? progress->path : "nothing: no inputs");
    return EXIT_FAILURE;
}
