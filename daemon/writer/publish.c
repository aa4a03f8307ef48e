/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/publish.h"

#include "daemon/base/journald.h"

void effect_publish(const struct change *c, struct publisher *publisher, struct order *order,
                    struct lastuse *lastuse)
{
    if (c->is_new)
        order_add(order, c->after->created, c->after->serial, c->after->digest);
    if (c->kind->allow)
        publish_allow(publisher, c->after->digest);
    if (c->puts)
        publish_put(publisher, c->after);
    if (c->rotates)
        publish_put(publisher, &c->found);
    if (!c->removes)
        return;
    publish_remove(publisher, c->after->digest);
    order_remove(order, c->after->created, c->after->serial);
    if (lastuse != NULL)
        lastuse_forget(lastuse, c->after->digest);
}

void effect_report(const struct change *c)
{
    const struct report r = {
        .kind = REPORT_CHANGE,
        .event = c->kind->event,
        .id = c->after->digest,
        .uid = c->uid,
        .pid = c->pid,
        .serial = c->serial,
    };
    char id[ID_TEXT + 1];
    struct text t = text_in(id, sizeof(id) - 1);

    text_add_hex(&t, c->after->digest, ID_SIZE);
    id[t.len] = '\0';
    report(&r, "%s %s by uid %u", c->kind->event, id, (unsigned)c->uid);
}

/* Those of one lane go home together: if the first woke its thread alone, the client's next
 * request would be there before the rest, and make a commit of its own. */
void effect_answer(struct mail_list *changes)
{
    struct mail_list together = { NULL, NULL };
    struct mailbox *home = NULL;

    for (struct mail *m; (m = mail_pop(changes)) != NULL;) {
        struct change *c = (struct change *)m;
        if (c->home != home && home != NULL)
            mailbox_post_list(home, &together);
        home = c->home;
        if (home != NULL)
            mail_append(&together, m);
        else
            change_free(c);
    }
    if (home != NULL)
        mailbox_post_list(home, &together);
}
