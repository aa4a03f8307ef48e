/* SPDX-License-Identifier: Apache-2.0 */
/* Run the life of a store on a faulty disk: copy it from a template, run the batches of the model,
 * and check that it then matches the model, in this process and for the next one. */
#ifndef JETON_TEST_STORE_LIFECYCLE_H
#define JETON_TEST_STORE_LIFECYCLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <tdb.h>

#include "daemon/base/log.h"
#include "daemon/store/store_saving.h"
#include "daemon/store/wal.h"
#include "daemon/writer/ban_load.h"
#include "daemon/writer/commit.h"
#include "tests/unit/support/faulty_disk.h"
#include "tests/unit/support/store_model.h"
#include "tests/unit/support/tdb_space.h"

enum { NOW = 1000000, MODELS_MAX = 384 };

/* -- the store ------------------------------------------------------------------------------- */

static char directory[64], path[80], other_path[80], template_path[80];
static char log_path[96], other_log[96], template_log[96];
static bool with_log;    /* the store has one, small enough to be used up */
static bool with_thread; /* and checkpoints are made in their thread */
static struct writer writer;
static struct mailbox replies;
static pid_t runner; /* the process that runs the tests */
static struct problem problem;

/* With a log, unless threads are wanted, there are none, so that the calls of a life come in one order:
 * checkpoints then are made by the writer. */
int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict how,
                   void *(*begin)(void *), void *restrict argument)
{
    int (*real)(pthread_t *restrict, const pthread_attr_t *restrict, void *(*)(void *),
                void *restrict);

    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return with_log && !with_thread ? EAGAIN : real(thread, how, begin, argument);
}

/* The possible states of the store; more than one while a commit is uncertain. */
static struct model model[MODELS_MAX];
static int models;

/* The possible states right after the last batch, before the store was read. */
static struct model after_batch[MODELS_MAX];
static int after_batch_count;

static void digest_of(uint8_t token, uint8_t digest[DIGEST_SIZE])
{
    token_digest((struct slice){ (const char *)&token, 1 }, digest);
}

static bool start(const char *file)
{
    struct store *store = store_open(file, STORE_WRITE, &problem);

    if (store == NULL)
        return false;
    if (writer_init(&writer, store, "jtn", 100, &problem))
        /* no log can be of one byte, so the small one that is there is used */
        return (!with_log || store_use_log(store, 1, &problem)) && ban_load_all(&writer, &problem);
    store_close(store);
    return false;
}

static void stop(void)
{
    writer_destroy(&writer);
}

static void post(const struct step *s)
{
    struct change *c = change_new(s->kind);
    struct mail_list one = { NULL, NULL };
    uint8_t digest[DIGEST_SIZE];

    c->reply_to = &replies;
    c->want.expires = TIME_NEVER;
    digest_of(s->kind == &change_rotate ? s->other : s->token, c->want.digest);
    digest_of(s->token, digest);
    memcpy(c->id, digest, ID_SIZE);
    if (s->kind == &change_ban)
        memcpy(c->name[c->names++], digest, DIGEST_SIZE);
    mail_append(&one, &c->mail);
    write_queue_post(writer.queue, &one);
}

/* Run one batch; the answers are in its order. */
static void run(const struct step *s, enum status answer[STEPS_MAX])
{
    int count = 0;

    for (; count < STEPS_MAX && s[count].kind != NULL; count++)
        post(&s[count]);
    commit_collect(&writer);
    while (commit_batch(&writer, NOW))
        continue;
    struct mail_list answers = mailbox_take(&replies);
    for (int i = 0; i < count; i++) {
        struct change *c = (struct change *)mail_pop(&answers);
        assert_non_null(c);
        answer[i] = c->problem.status;
        change_free(c);
    }
    assert_null(answers.first);
}

static bool is_banned_in_table(const uint8_t digest[DIGEST_SIZE])
{
    const struct generation *g = token_table_enter(writer.token_table, 0);
    struct table_entry entry;
    bool banned = table_find(token_table_table(g), digest, &entry) == TABLE_HIT &&
                  (entry.flags & SLOT_BANNED) != 0;

    token_table_leave(writer.token_table, 0);
    return banned;
}

static enum fate fate_in_table(uint8_t token)
{
    uint8_t digest[DIGEST_SIZE], whole[DIGEST_SIZE];
    int64_t used;

    digest_of(token, digest);
    uint32_t flags = token_table_look(writer.token_table, digest, whole, &used);
    return flags == 0            ? (is_banned_in_table(digest) ? BANNED : ABSENT) :
           flags & SLOT_REVOKED  ? REVOKED :
           flags & SLOT_DISABLED ? DISABLED :
                                   ACTIVE;
}

static enum fate fate_in_store(uint8_t token)
{
    uint8_t digest[DIGEST_SIZE];
    struct record r;

    digest_of(token, digest);
    enum store_found found = store_get(writer.store, digest, &r);
    assert_int_not_equal(found, STORE_FAILED);
    if (found == STORE_ABSENT) {
        struct ban ban;
        enum store_found banned = store_get_ban(writer.store, digest, &ban);
        assert_int_not_equal(banned, STORE_FAILED);
        return banned == STORE_FOUND ? BANNED : ABSENT;
    }
    return r.revoked != 0 ? REVOKED : r.disabled != 0 ? DISABLED : ACTIVE;
}

static bool store_is(const struct model *m)
{
    for (uint8_t token = 0; token < TOKENS; token++)
        if (fate_in_store(token) != m->fate[token])
            return false;
    return true;
}

/* Check that table, store and index agree with the model, and with each other. */
static void check_all(const struct model *m)
{
    size_t listed = 0, there = 0;
    struct record r;

    for (uint8_t token = 0; token < TOKENS; token++) {
        assert_int_equal(fate_in_store(token), m->fate[token]);
        assert_int_equal(fate_in_table(token), m->fate[token]);
        there += m->fate[token] != ABSENT && m->fate[token] != BANNED;
    }
    for (size_t i = creation_index_after(&writer.index, INT64_MIN, 0); i < writer.index.count;
         i++) {
        const struct creation_entry *e = &writer.index.entry[i];
        if (e->removed)
            continue;
        assert_int_equal(store_get(writer.store, e->id, &r), STORE_FOUND);
        assert_int_equal(r.serial, e->serial);
        listed++;
    }
    assert_int_equal(listed, there);
    assert_int_equal(journal_tokens(writer.journal), there);
}

/* -- one batch on a faulty disk -------------------------------------------------------------- */

static bool can_wait(const struct step *s)
{
    return s->kind->adds || (s->kind->deny == 0 && !s->kind->denies);
}

/* Update the possible states.  What was answered with OK is done.  What the store refused is done
 * or not, as a whole, and if not, its denials are in force all the same; but if the log was short, what denies
 * nothing may be refused by itself. */
static void update_models(const struct step *s, const enum status answer[STEPS_MAX], bool was_short)
{
    assert_in_range(models, 1, MODELS_MAX / 3);
    after_batch_count = 0;
    for (int k = 0; k < models; k++) {
        struct model none = model[k], all = model[k], most = model[k];
        for (int i = 0; i < STEPS_MAX && s[i].kind != NULL; i++) {
            if (answer[i] == STATUS_OK)
                apply(&none, &s[i]);
            else if (answer[i] == STATUS_STORE)
                apply_denial(&none, &s[i]);
            if (answer[i] == STATUS_OK || answer[i] == STATUS_STORE)
                apply(&all, &s[i]);
            if (answer[i] == STATUS_OK || (answer[i] == STATUS_STORE && !can_wait(&s[i])))
                apply(&most, &s[i]);
        }
        add_model(after_batch, &after_batch_count, &none);
        add_model(after_batch, &after_batch_count, &all);
        if (was_short)
            add_model(after_batch, &after_batch_count, &most);
    }
    memcpy(model, after_batch, sizeof(after_batch));
    models = after_batch_count;
}

/* Check that verifiers see what all models agree on, whatever the disk does. */
static void check_table(void)
{
    for (uint8_t token = 0; token < TOKENS; token++) {
        bool sure = true;
        for (int k = 1; k < models; k++)
            sure = sure && model[k].fate[token] == model[0].fate[token];
        if (sure)
            assert_int_equal(fate_in_table(token), model[0].fate[token]);
    }
}

/* Drop all models but the true one, once the store can be read. */
static void find_true_model(void)
{
    bool armed = disk.armed;
    int true_one = -1;

    if (writer.disk_failure.broken || writer.disk_failure.unsaved.first != NULL)
        return;
    disk.armed = false;
    for (int k = 0; k < models; k++)
        true_one = store_is(&model[k]) ? k : true_one;
    disk.armed = armed;
    assert_in_range(true_one, 0, models - 1);
    model[0] = model[true_one];
    models = 1;
}

/* Save what is logged, or try to, after some of the batches. */
static void checkpoint_after(int batch)
{
    struct problem why;

    if (batch % 3 == 2)
        store_save(writer.store, &why);
}

static void run_and_update(const struct step *s)
{
    struct model expected = model[0];
    enum status answer[STEPS_MAX];
    bool sure = models == 1 && !disk.armed, was_short = store_is_short(writer.store);

    run(s, answer);
    was_short = was_short || store_is_short(writer.store);
    for (int i = 0; sure && i < STEPS_MAX && s[i].kind != NULL; i++)
        assert_int_equal(answer[i], apply(&expected, &s[i]));
    update_models(s, answer, was_short);
    check_table();
    find_true_model();
}

/* -- one life of a store --------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
    char bytes[65536];
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");

    assert_true(in != NULL && out != NULL);
    for (size_t len; (len = fread(bytes, 1, sizeof(bytes), in)) > 0;)
        assert_int_equal(fwrite(bytes, 1, len, out), len);
    fclose(in);
    fclose(out);
}

/* Begin with the template's files, on the simulated disk. */
static void copy_template(void)
{
    unlink(path);
    copy_file(template_path, path);
    disk_simulate(path);
    if (!with_log)
        return;
    unlink(log_path);
    copy_file(template_log, log_path);
    disk_simulate_also(log_path);
}

/* Restore what is durable, or was when power failed. */
static void restore_other(void)
{
    unlink(other_path);
    unlink(other_log);
    disk_restore(other_path);
    if (with_log)
        disk_restore_file(1, other_log);
}

static void begin_life(void)
{
    copy_template();
    models = 1;
    memset(model, 0, sizeof(model));
    apply_all(&model[0], batches[0]);
    assert_true(start(path));
}

/* Let the disk work again, check that everything works, and that a restart finds the same. */
static void end_life(void)
{
    static const struct step last[STEPS_MAX] = {
        { &change_create, 8, 0 },
        { &change_revoke, 8, 0 },
    };
    struct model end;

    disk.armed = false;
    for (int i = 0; i < 3; i++) {
        commit_retry(&writer);
        commit_batch(&writer, NOW);
    }
    assert_false(writer.disk_failure.broken);
    assert_int_equal(writer.disk_failure.unsaved.count, 0);
    assert_true(store_save(writer.store, &problem));
    find_true_model();
    assert_int_equal(models, 1);
    run_and_update(last);
    end = model[0];
    assert_int_equal(end.fate[8], REVOKED);
    check_all(&end);
    stop();
    assert_true(start(path));
    check_all(&end);
    stop();
    restore_other();
    assert_true(start(other_path));
    check_all(&end);
    stop();
}

static void live(void)
{
    for (int i = 1; i < BATCHES; i++) {
        run_and_update(batches[i]);
        checkpoint_after(i);
    }
}

/* Count the calls of these kinds that a life makes on a disk that works. */
static inline int calls_of_a_life(unsigned calls)
{
    begin_life();
    disk.calls = calls;
    disk.armed = true;
    live();
    int count = disk.count;
    end_life();
    return count;
}

#endif
