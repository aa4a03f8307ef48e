/* SPDX-License-Identifier: Apache-2.0 */
/* A store with a log: what is read while checkpoints run, transactions that are too large for the log, walks
 * over bans, and what a start finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/store/store_bans.h"
#include "daemon/store/store_saving.h"
#include "daemon/store/wal.h"
#include "tests/unit/support/logged_store.h"
#include "tests/unit/support/numbered_tokens.h"

/* Leave both files as a process that was killed would. */
static void copy_to(const char *name)
{
    char command[512];

    snprintf(command, sizeof(command), "cp %s %s/%s && cp %s.wal %s/%s.wal", path, directory, name,
             path, directory, name);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof(path), "%s/%s", directory, name);
}

/* Check that exactly the tokens up to `last` are there, one by one and all together. */
static void check_tokens(struct store *s, uint64_t last)
{
    struct counted counted;
    struct record back;

    for (uint64_t i = 1; i <= last + 5; i++) {
        struct record r = record_numbered(i);
        assert_int_equal(store_get(s, r.digest, &back), i <= last ? STORE_FOUND : STORE_ABSENT);
        assert_true(i > last || back.serial == i);
    }
    if (store_saving(s).since != 0 && store_saving(s).ended > 0)
        return; /* the file is not read as a whole while it is written */
    assert_true(count_tokens(s, &counted, &problem));
    assert_int_equal(counted.count, last);
    assert_int_equal(counted.sum, last * (last + 1) / 2);
}

static void what_is_logged_is_read_and_found_at_a_start(void **state)
{
    (void)state;
    struct store *s = open_logged();

    for (uint64_t i = 1; i <= 300; i += 3)
        save(s, journal, i, i + 2);
    check_tokens(s, 300);
    struct problem why;
    struct record gone = record_numbered(7), back;
    assert_true(store_begin(s) && journal_begin(journal) == 0 && store_remove(s, gone.digest));
    assert_int_equal(store_get(s, gone.digest, &back), STORE_ABSENT);
    store_abandon(s);
    assert_int_equal(store_get(s, gone.digest, &back), STORE_FOUND);
    copy_to("killed");
    struct journal *first = journal;
    struct store *killed = open_logged();
    check_tokens(killed, 300);
    assert_int_equal(journal_newest(journal), 300);
    assert_int_equal(journal_tokens(journal), 300);
    assert_true(store_save(killed, &why));
    check_tokens(killed, 300);
    close_store(killed);
    journal = first;
    close_store(s);
    s = store_open(path, STORE_WRITE, &problem);
    assert_int_equal(store_saving(s).next, 0); /* there is no log to go on with */
    check_tokens(s, 300);
    store_close(s);
}

/* Threads read and write the file at once here; TSan looks on. */
static void everything_is_found_while_checkpoints_run(void **state)
{
    (void)state;
    struct store *s = open_logged();
    struct record back;
    uint64_t last = 0;

    while (store_saving(s).ended < 30) {
        save(s, journal, last + 1, last + 40);
        last += 40;
        store_ask_checkpoint(s, store_saving(s).next);
        store_step(s);
        for (uint64_t i = 1; i <= last; i += 7)
            assert_int_equal(store_get(s, record_numbered(i).digest, &back), STORE_FOUND);
        for (uint64_t i = 1; i < 10; i++)
            assert_int_equal(store_get(s, record_numbered(last + i).digest, &back), STORE_ABSENT);
    }
    assert_int_equal(store_saving(s).failures, 0);
    close_store(s);
    s = store_open(path, STORE_WRITE, &problem);
    check_tokens(s, last);
    store_close(s);
}

static void a_transaction_that_is_too_large_for_the_log_goes_to_the_file(void **state)
{
    (void)state;
    log_size = 128 << 10;
    struct store *s = open_logged();
    uint64_t last = 10;
    save(s, journal, 1, last);
    for (int i = 0; i < 5; i++, last += 210) {
        uint64_t before = store_saving(s).next;
        save(s, journal, last + 1, last + 200);
        assert_int_equal(store_saving(s).next, before); /* the log has nothing of it */
        assert_int_equal(store_saving(s).saved, before);
        save(s, journal, last + 201, last + 210);
        check_tokens(s, last + 210);
    }
    copy_to("killed");
    struct journal *first = journal;
    struct store *killed = open_logged();
    check_tokens(killed, last);
    assert_int_equal(journal_newest(journal), last);
    close_store(killed);
    journal = first;
    close_store(s);
    log_size = 4 << 20;
}

/* Keep other processes, and so the checkpoint, out of the file, from a process of its own, for half a second.
 * It holds the lock when this returns. */
static pid_t lock_file_elsewhere(void)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int held[2];
    char byte;

    assert_int_equal(pipe(held), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = open(path, O_RDWR);
        if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0 || write(held[1], "", 1) != 1)
            _exit(1);
        usleep(500000);
        _exit(0);
    }
    assert_int_equal(read(held[0], &byte, 1), 1);
    close(held[0]);
    close(held[1]);
    return child;
}

/* Each of these takes more than half of a segment, so the rest of that is of no use to the next. */
static void transactions_wait_for_space_however_badly_they_fill_the_segments(void **state)
{
    (void)state;
    int status;

    log_size = 512 << 10;
    struct store *s = open_logged();
    pid_t child = lock_file_elsewhere();
    for (uint64_t i = 0; i < 12; i++) {
        uint64_t before = store_saving(s).next;
        save(s, journal, i * 150 + 1, i * 150 + 150);
        assert_int_equal(store_saving(s).next, before + 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(store_save(s, &problem));
    check_tokens(s, 12 * 150);
    close_store(s);
    log_size = 4 << 20;
}

static void revoke_all(struct store *s, uint64_t first, uint64_t last)
{
    assert_true(store_begin(s));
    for (uint64_t i = first; i <= last; i++) {
        struct record r = record_numbered(i);
        r.revoked = 1000 + (int64_t)i;
        assert_true(store_put(s, &r));
    }
    assert_true(store_commit(s));
}

/* Check that the tokens from `first` to `last` are revoked, and no others of so many. */
static void check_revoked(struct store *s, uint64_t first, uint64_t last, uint64_t most)
{
    struct record back;

    for (uint64_t i = 1; i <= most; i++) {
        assert_int_equal(store_get(s, record_numbered(i).digest, &back), STORE_FOUND);
        assert_int_equal(back.revoked, i >= first && i <= last ? 1000 + i : 0);
    }
    check_tokens(s, most);
}

static uint64_t size_of_file(void)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return (uint64_t)st.st_size;
}

/* The checkpoint waits for the file's lock, and then finds no space. */
static void a_checkpoint_that_fails_late_leaves_space_for_denials(void **state)
{
    (void)state;
    struct rlimit unlimited, limit;

    log_size = 512 << 10;
    struct store *s = open_logged();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    limit = (struct rlimit){ size_of_file(), unlimited.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    pid_t child = lock_file_elsewhere();
    uint64_t last = 0;
    for (; !store_is_short(s) && last < 5000; last += 50)
        save(s, journal, last + 1, last + 50);
    assert_true(store_is_short(s));
    for (uint64_t i = 1; i <= 20; i++)
        revoke_all(s, i, i);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(store_save(s, &problem));
    check_tokens(s, last);
    close_store(s);
    log_size = 4 << 20;
}

/* Have a checkpoint made by its thread. */
static void save_by_thread(struct store *s)
{
    uint64_t next = store_saving(s).next;

    store_ask_checkpoint(s, next);
    while (store_saving(s).saved < next) {
        store_step(s);
        usleep(1000);
    }
    assert_int_equal(store_saving(s).failures, 0);
}

static void changed_tokens_are_written_over_in_their_places(void **state)
{
    (void)state;
    struct store *s = open_logged();

    save(s, journal, 1, 500);
    save_by_thread(s);
    uint64_t before = size_of_file();
    revoke_all(s, 100, 400);
    save_by_thread(s);
    check_revoked(s, 100, 400, 500);
    close_store(s);
    assert_int_equal(size_of_file(), before);
    s = store_open(path, STORE_WRITE, &problem);
    check_revoked(s, 100, 400, 500);
    store_close(s);
}

/* Put other bytes in place of the end of a token's line, as far as `len`. */
static void damage_line(uint64_t number, size_t len)
{
    static char bytes[16 * 1024 * 1024];
    char key[RECORD_KEY_SIZE];
    struct record r = record_numbered(number);
    int fd = open(path, O_RDWR);
    ssize_t size = pread(fd, bytes, sizeof(bytes), 0);

    record_key(r.digest, key);
    char *at = memmem(bytes, (size_t)size, key, sizeof(key));
    assert_non_null(at);
    memset(at + sizeof(key), 'x', len);
    assert_int_equal(pwrite(fd, bytes, (size_t)size, 0), size);
    close(fd);
}

static void a_line_that_was_half_written_over_is_the_logs_after_a_crash(void **state)
{
    (void)state;
    struct store *s = open_logged();

    save(s, journal, 1, 50);
    save_by_thread(s);
    revoke_all(s, 10, 20);
    copy_to("killed");
    for (uint64_t i = 10; i <= 20; i++)
        damage_line(i, 4 * i);
    struct journal *first = journal;
    struct store *killed = open_logged();
    check_revoked(killed, 10, 20, 50);
    save_by_thread(killed);
    close_store(killed);
    killed = store_open(path, STORE_WRITE, &problem);
    check_revoked(killed, 10, 20, 50);
    store_close(killed);
    journal = first;
    close_store(s);
}

static void put_bans(struct store *s, uint8_t first, uint8_t last, bool remove)
{
    assert_true(store_begin(s));
    for (unsigned i = first; i <= last; i++) {
        struct ban ban = { .digest = { (uint8_t)(i * 37), (uint8_t)i }, .until = TIME_NEVER };
        assert_true(remove ? store_remove_ban(s, ban.digest) : store_put_ban(s, &ban));
    }
    assert_true(store_commit(s));
}

static bool see_ban(void *seen, const struct ban *ban)
{
    ((uint8_t *)seen)[ban->digest[1]]++;
    return true;
}

static void a_walk_visits_each_ban_once_wherever_it_is(void **state)
{
    (void)state;
    struct store *s = open_logged();
    uint8_t seen[256] = { 0 };
    struct store_place place = { 0 };

    put_bans(s, 1, 100, false);
    assert_true(store_save(s, &problem));
    put_bans(s, 101, 200, false);
    put_bans(s, 50, 60, true);
    put_bans(s, 10, 20, false); /* once more */
    for (unsigned step = 0; store_walk_bans(s, &place, 3, see_ban, seen, &problem) == STORE_FOUND;
         step++)
        if (step % 5 == 1) {
            store_ask_checkpoint(s, store_saving(s).next);
            store_step(s);
        }
    for (unsigned i = 1; i <= 200; i++)
        assert_int_equal(seen[i], i < 50 || i > 60);
    close_store(s);
}

static void ended_logs_leave_the_file_as_older_versions_have_it(void **state)
{
    (void)state;
    struct store *s = open_logged();

    save(s, journal, 1, 20);
    assert_true(store_use_log(s, 0, &problem));
    save(s, journal, 21, 40);
    check_tokens(s, 40);
    close_store(s);
    strcat(path, ".wal");
    assert_int_not_equal(access(path, F_OK), 0);
    path[strlen(path) - 4] = '\0';
    s = store_open(path, STORE_READ, &problem);
    assert_int_equal(store_saving(s).next, 0);
    check_tokens(s, 40);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(what_is_logged_is_read_and_found_at_a_start),
        WITH_DIRECTORY(everything_is_found_while_checkpoints_run),
        WITH_DIRECTORY(a_transaction_that_is_too_large_for_the_log_goes_to_the_file),
        WITH_DIRECTORY(transactions_wait_for_space_however_badly_they_fill_the_segments),
        WITH_DIRECTORY(a_checkpoint_that_fails_late_leaves_space_for_denials),
        WITH_DIRECTORY(changed_tokens_are_written_over_in_their_places),
        WITH_DIRECTORY(a_line_that_was_half_written_over_is_the_logs_after_a_crash),
        WITH_DIRECTORY(a_walk_visits_each_ban_once_wherever_it_is),
        WITH_DIRECTORY(ended_logs_leave_the_file_as_older_versions_have_it),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
