/* Whether the demo's names are right: who is in each picture is known from its name.
 *
 * Pictures are called EXTERNAL_ID/NN, or one of the two names below. Thread: one. */
#pragma once

#include "cmd/people.h"

#include <stdio.h>

#define DEMO_GROUP_NAME "group of strangers"
#define DEMO_EMPTY_NAME "nobody"

struct demo_check {
    const struct person *people; /* borrowed */
    int n_people;
    int outsider; /* index of the person who is enrolled but not on the roster; -1: none */
    /* photos of people on the roster */
    int roster_photos, roster_right, roster_wrong, roster_unknown, roster_no_face;
    /* photos of the outsider */
    int outsider_photos, outsider_right, outsider_wrong, outsider_unknown;
    int strangers, strangers_named; /* faces of the group photo */
    bool group_seen;
    bool empty_seen;
    int empty_faces; /* faces "found" in the picture without one */
    int lost;        /* pictures without a result */
};

/* A live_result_fn; ctx is the struct demo_check. */
void demo_check_result(void *ctx, const char *frame_name, const json_t *event);
/* Prints the check; true when nobody was given another's name and every picture had a result. */
bool demo_check_print(const struct demo_check *c, FILE *out);
