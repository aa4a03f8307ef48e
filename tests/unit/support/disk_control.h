/* SPDX-License-Identifier: Apache-2.0 */
/* Begin to simulate files on a faulty disk (faulty_disk.h, which includes this), and restore what is durable. */
#ifndef JETON_TEST_DISK_CONTROL_H
#define JETON_TEST_DISK_CONTROL_H

static void disk_forget(struct disk_file *f)
{
    if (f->reader >= 0)
        close(f->reader);
    f->reader = -1;
    f->inode = 0;
    memset(f->dirty, 0, sizeof(f->dirty));
}

/* Simulate one more file; its present contents are durable. */
static void disk_simulate_also(const char *path)
{
    struct disk_file *f = &disk_file[disk.files++];
    struct stat st;
    FILE *in = fopen(path, "r");

    if (in == NULL || fstat(fileno(in), &st) < 0 || st.st_size > (off_t)sizeof(f->durable) ||
        fread(f->durable, 1, (size_t)st.st_size, in) != (size_t)st.st_size)
        abort();
    fclose(in);
    if (f->high > (size_t)st.st_size)
        memset(f->durable + st.st_size, 0, f->high - (size_t)st.st_size);
    f->high = (size_t)st.st_size;
    f->inode = st.st_ino;
    f->reader = open(path, O_RDONLY | O_CLOEXEC);
    f->durable_size = st.st_size;
    disk.tracked = true;
}

/* Simulate a file from now on, and no other; nothing fails yet. */
static void disk_simulate(const char *path)
{
    for (int i = 0; i < DISK_FILES; i++)
        disk_forget(&disk_file[i]);
    memset(&disk, 0, sizeof(disk));
    disk.fail_from = disk.die_at = disk.cut_at = disk.bad_file = -1;
    disk.calls = CALL_ANY;
    if (path != NULL)
        disk_simulate_also(path);
}

/* Simulate the next new file. */
static inline void disk_simulate_next(void)
{
    disk_simulate(NULL);
    memset(disk_file[0].durable, 0, disk_file[0].high);
    disk_file[0].high = 0;
    disk_file[0].durable_size = disk_file[0].image_size = 0;
    disk.adopts = true;
}

/* Write what of a file is durable now, or was when power failed, to another; write nothing if its name
 * was not durable. */
static void disk_restore_file(int number, const char *path)
{
    const struct disk_file *file = &disk_file[number];
    size_t size = (size_t)(disk.was_cut ? file->image_size : file->durable_size);

    if (disk.was_cut && disk.adopts && !disk.image_named)
        return;
    FILE *f = fopen(path, "w");
    if (f == NULL || fwrite(disk.was_cut ? file->image : file->durable, 1, size, f) != size)
        abort();
    fclose(f);
}

static void disk_restore(const char *path)
{
    disk_restore_file(0, path);
}

/* Return the call to try after call i: the next, or of very many (a file that grows is written in
 * small pieces) only the first, the last, and a few in between.  `make torture` tries all. */
static inline int next_call(int i, int count, int ends)
{
    if (getenv("TORTURE_SECONDS") != NULL)
        return i + 1;
    return i < ends || i >= count - ends ? i + 1 : i + 1 + (count - 2 * ends) / 10;
}

#endif
