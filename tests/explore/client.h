/* SPDX-License-Identifier: Apache-2.0 */
/* A client process in a scenario: the views that libjeton keeps of a table. */
#ifndef JETON_EXPLORE_CLIENT_H
#define JETON_EXPLORE_CLIENT_H

#include "daemon/table/token_look.h"
#include "plugin/lib/table_view.h"
#include "tests/explore/fixture.h"

enum { NO_ANSWER = -2 };

static struct table_views views;
static struct table_view_readers readers;
static struct recent_uses recent_uses[2]; /* of each thread; nothing here depends on them */

static inline struct table_view *open_view(void)
{
    static const struct table_view_conditions terms = { .final = true };
    struct table_view *view = NULL;
    uint64_t size, generation;
    int fd = token_look_descriptor(table, TOKEN_TABLE_READERS_MAX - 1, &size, &generation);

    explore_check(table_view_open(fd, size, &terms, &view) == NULL, "the view cannot be opened");
    return view;
}

/* Forget all views, and begin with one of the table as it is. */
static inline void begin_client(void)
{
    memset(&views, 0, sizeof(views));
    memset(&readers, 0, sizeof(readers));
    memset(recent_uses, 0, sizeof(recent_uses));
    views.current = open_view();
}

/* Do what a daemon's reply with a table leads to. */
static inline void fetch_view(void)
{
    table_view_replace(&views, &readers, open_view());
}

/* Look the first token up; return the status, or NO_ANSWER. */
static inline int look_up(unsigned thread)
{
    struct question question = { .value = slice_of(value_of(0)) };
    struct verdict verdict = { .status = STATUS_UNAVAILABLE };
    int64_t now;

    return table_view_lookup(&views, &readers, &recent_uses[thread], &question, &verdict, &now,
                             NULL) ?
               (int)verdict.status :
               NO_ANSWER;
}

/* The same in a batch of two; return the status of the second. */
static inline int look_up_batch(unsigned thread)
{
    struct question question = { .value = slice_of(value_of(0)) };
    struct table_view_batch_item item[2] = { { .question = question }, { .question = question } };
    int64_t now;

    table_view_lookup_batch(&views, &readers, &recent_uses[thread], item, 2, &now);
    explore_check(!item[0].answered || item[0].verdict.status != STATUS_REVOKED ||
                      !item[1].answered || item[1].verdict.status == STATUS_REVOKED,
                  "a denied token passes again");
    return item[1].answered ? (int)item[1].verdict.status : NO_ANSWER;
}

#endif
