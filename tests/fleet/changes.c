/* SPDX-License-Identifier: Apache-2.0 */
/* The phases that make changes. */
#include "tests/fleet/phases_private.h"

static const double nanoseconds = 1e9;

static bool is_answered(struct phases *p, uint64_t call)
{
    return p->call[call].answered != 0;
}

static bool is_saved(struct phases *p, uint64_t unused)
{
    (void)unused;
    return real_refused(p->real) != 0 && real_saved(p->real) != 0;
}

static struct writer *writer_of(struct phases *p)
{
    if (p->writer == NULL)
        p->writer = writer_new(p->simulation);
    return p->writer;
}

/* One statement, waited for. */
static void change(struct phases *p, bool create, unsigned count, unsigned call)
{
    struct simulation *s = p->simulation;

    if (create)
        writer_create(writer_of(p), s->next_created, count, &p->call[call]);
    else
        writer_revoke(writer_of(p), s->next_revoked, count, &p->call[call]);
    phases_must(p, is_answered, call, "a change is answered");
    if (p->call[call].failed)
        die("a change", s->error);
    *(create ? &s->next_created : &s->next_revoked) += count;
}

/* Make so many changes in statements of `batch` each, and wait until all hosts have them. */
static void many(struct phases *p, bool create, unsigned count, unsigned batch)
{
    const int64_t began = clock_now();

    if (batch == 0 || batch > WRITER_BATCH_MAX)
        die("many changes", "not so many in one statement");
    for (unsigned left = count; left > 0; left -= batch < left ? batch : left)
        change(p, create, batch < left ? batch : left, 0);
    const int64_t answered = p->call[0].answered;
    phases_must(p, phases_all_have, p->call[0].serial, "all hosts have all changes");
    const int64_t all = clock_now();
    phases_must(p, phases_real_has, p->call[0].serial, "the real host has all changes");
    printf("changes=%u answered=%.3f seconds=%.3f", count, (double)(answered - began) / nanoseconds,
           (double)(all - began) / nanoseconds);
    if (p->real != NULL)
        printf(" real=%.3f", (double)(clock_now() - began) / nanoseconds);
}

void changes_create(struct phases *p, unsigned count, unsigned batch)
{
    many(p, true, count, batch);
}

static void check_left(const struct simulation *s, unsigned count)
{
    if (s->next_created - s->next_revoked < count)
        die("revoke", "create tokens first");
}

void changes_burst(struct phases *p, unsigned count, unsigned batch)
{
    check_left(p->simulation, count);
    many(p, false, count, batch);
}

/* When each host had each change, from the call on and from its answer on, and when the last host had it. */
static void print_latencies(struct phases *p, unsigned calls)
{
    const struct simulation *s = p->simulation;
    const char *const names[] = { "call", "answer", "last" };

    for (unsigned kind = 0; kind < 3; kind++) {
        for (unsigned c = 0; c < calls; c++) {
            const struct writer_call *call = &p->call[c];
            int64_t last = 0;
            for (unsigned i = 0; i < s->count; i++) {
                int64_t at = history_reached(&s->host[i].history, call->serial);
                last = at > last ? at : last;
                if (kind < 2)
                    samples_add(&p->samples, at - (kind == 0 ? call->called : call->answered));
            }
            if (kind == 2)
                samples_add(&p->samples, last - call->answered);
        }
        samples_print(&p->samples, names[kind]);
    }
    for (unsigned c = 0; c < calls; c++)
        samples_add(&p->samples, p->call[c].answered - p->call[c].called);
    samples_print(&p->samples, "commit");
}

/* Revoke the next token, and wait for the real host; when it refused the token, and had saved that. */
static void revoke_one(struct phases *p, unsigned call, int64_t times[2])
{
    struct simulation *s = p->simulation;

    if (p->real != NULL) {
        if (!real_accepts(p->real, s->next_revoked))
            die("revoke", "the real host does not accept the token");
        real_watch(p->real, s->next_revoked);
    }
    change(p, false, 1, call);
    if (p->real == NULL)
        return;
    real_expect(p->real, p->call[call].serial);
    phases_must(p, is_saved, 0, "the real host refuses the token");
    times[0] = real_refused(p->real) - p->call[call].answered;
    times[1] = real_saved(p->real) - p->call[call].answered;
}

/* Revoke one token after the other, each so many ms after the one before was answered. */
void changes_revoke(struct phases *p, unsigned calls, unsigned pause)
{
    int64_t times[CALLS_MAX][2];

    if (calls == 0 || calls > CALLS_MAX)
        die("revoke", "too many calls");
    check_left(p->simulation, calls);
    for (unsigned c = 0; c < calls; c++) {
        revoke_one(p, c, times[c]);
        phases_run_until(p, phases_is_late,
                         (uint64_t)(p->call[c].answered + (int64_t)pause * 1000000), PATIENCE);
    }
    phases_must(p, phases_all_have, p->call[calls - 1].serial, "all hosts have all changes");
    printf("calls=%u", calls);
    print_latencies(p, calls);
    for (unsigned kind = 0; kind < 2 && p->real != NULL; kind++) {
        for (unsigned c = 0; c < calls; c++)
            samples_add(&p->samples, times[c][kind]);
        samples_print(&p->samples, kind == 0 ? "refused" : "saved");
    }
}
