/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verify/job.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const char *copy_text(struct job *job, const char *text, size_t len)
{
    if (text == NULL)
        return NULL;
    char *kept = job->text + job->used;
    memcpy(kept, text, len);
    kept[len] = '\0';
    job->used += len + 1;
    return kept;
}

static size_t length(const char *text)
{
    return text != NULL ? strlen(text) : 0;
}

struct job *job_new(const struct jeton_question *q)
{
    size_t groups = q->peer_group_count * sizeof(gid_t);
    size_t size = groups + q->value_length + length(q->service) + length(q->scopes) +
                  length(q->subject) + length(q->client) + 6;
    struct job *job = calloc(1, sizeof(*job) + size);

    if (job == NULL)
        return NULL;
    job->question = *q;
    job->question.peer_groups =
        (const gid_t *)(const void *)copy_text(job, (const char *)q->peer_groups, groups);
    job->question.value = copy_text(job, q->value, q->value_length);
    job->question.service = copy_text(job, q->service, length(q->service));
    job->question.scopes = copy_text(job, q->scopes, length(q->scopes));
    job->question.subject = copy_text(job, q->subject, length(q->subject));
    job->question.client = copy_text(job, q->client, length(q->client));
    if (q->identity != NULL) {
        job->identity = *q->identity;
        job->question.identity = &job->identity;
    }
    job->answer.identity.expires = JETON_VERIFIER_NEVER;
    job->outcome = JETON_VERIFIER_ERROR;
    return job;
}

void job_free(struct job *job)
{
    if (job == NULL)
        return;
    sodium_memzero(job->text, job->used);
    free(job);
}
