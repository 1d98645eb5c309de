/* Doubly linked lists that live inside their members: no allocation, O(1) for everything.
 *
 * A list is a ring through one head node that belongs to no member. A node that is in no list
 * points to itself, so list_remove may be called on it again.
 *
 *     struct job { struct list_node place; ... };
 *     struct job *first = LIST_FIRST(&ready, struct job, place);    NULL when empty
 *
 * Thread: one at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *prev, *next;
};

/* The member of which `node` is the field `field`. */
#define LIST_ENTRY(node, type, field) ((type *)(void *)((char *)(node)-offsetof(type, field)))

/* The first member, or NULL. */
#define LIST_FIRST(head, type, field)                                                              \
    (list_is_empty(head) ? NULL : LIST_ENTRY((head)->next, type, field))
/* The last member, or NULL. */
#define LIST_LAST(head, type, field)                                                               \
    (list_is_empty(head) ? NULL : LIST_ENTRY((head)->prev, type, field))

/* An empty list, or a node in no list. */
static inline void list_init(struct list_node *head) { head->prev = head->next = head; }

static inline bool list_is_empty(const struct list_node *head) { return head->next == head; }

/* Puts node, which is in no list, right behind `at`; behind the head it becomes the first. */
static inline void list_insert_after(struct list_node *at, struct list_node *node)
{
    node->prev = at;
    node->next = at->next;
    at->next->prev = node;
    at->next = node;
}

static inline void list_push_front(struct list_node *head, struct list_node *node)
{
    list_insert_after(head, node);
}

static inline void list_push_back(struct list_node *head, struct list_node *node)
{
    list_insert_after(head->prev, node);
}

/* Takes node out of whatever list it is in. */
static inline void list_remove(struct list_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}
