/* The photos of an evaluation: a folder of people, each photo taken through the vision pipeline.
 *
 * DIR/PERSON/PHOTO.jpg; deeper folders belong to the person of the first level, pictures beside the
 * person folders are not used. Of every photo the main face is taken: big and near the centre.
 * Thread: main; eval_photos_analyse starts and joins its own threads. */
#pragma once

#include "cmd/eval_ident.h"
#include "vision/vision.h"

enum eval_state { EVAL_OK, EVAL_NO_FACE, EVAL_FLAWED, EVAL_UNREADABLE };
enum { EVAL_STATE_N = EVAL_UNREADABLE + 1 };

struct eval_photo {
    const char *path, *name; /* name: below the folder, "Ann/Ann_0001.jpg" */
    int person;
    int64_t size_bytes, changed_ns; /* of the file */
    bool known;                     /* analysed: the rest is filled */
    enum eval_state state;
    enum face_flaw flaw; /* of the main face */
    const float *vector; /* [dim]; NULL unless EVAL_OK */
    bool covered;        /* enrolment would refuse it as occluded; measured all the same */
    /* [dim], the mean over its augmented pictures; NULL unless it can be the one photo of a
     * template and augmentation is measured */
    const float *augmented;
};

struct eval_photos {
    struct arena *arena; /* owner of all strings and vectors */
    struct eval_photo *photos;
    const char **people; /* [n_people] folder names */
    int n, n_people, dim;
    int counts[EVAL_STATE_N], flaws[FACE_FLAW_N];
    int covered;
    int cached; /* photos whose embedding came from the cache */
};

struct eval_photos_options {
    const char *folder;
    const char *same_file; /* lines "FOLDER FOLDER": two names of one person; NULL: none */
    int64_t people_max;    /* only the first people; 0: all */
};

/* Lists the photos, people in natural order of their names. Errors NOT_FOUND, INVALID, IO, NOMEM.
 */
NODISCARD enum err eval_photos_open(const struct eval_photos_options *o,
                                    struct eval_photos **ret_photos, struct error *e);
void eval_photos_close(struct eval_photos *p);

struct eval_analysis {
    struct vision *vision;
    int threads;
    int64_t max_pixels, max_bytes;
    unsigned augment;  /* bits of augment_kind; not with a cache */
    const char *cache; /* file of embeddings, read and written; NULL: none */
    const char *key;   /* one line: what must be equal for an embedding to be used again */
};

/* Fills state and vector of every photo (those of an earlier run are forgotten) and the counts.
 * Progress goes to standard error. Errors UNAVAILABLE (inference failed), IO (cache), NOMEM. */
NODISCARD enum err eval_photos_analyse(struct eval_photos *p, const struct eval_analysis *o,
                                       struct error *e);

/* The usable photos as metrics want them, in `a`; ret_photos [n] (may be NULL) says which photo
 * each row is. People without a usable photo stay, with none. Errors NOMEM. */
NODISCARD enum err eval_photos_faces(const struct eval_photos *p, struct arena *a,
                                     struct eval_faces *ret_faces, int **ret_photos,
                                     struct error *e);

/* Which face of a picture is the one it was taken for: by area and distance from the centre, both
 * measured as if the picture's long side had 250 pixels. -1 when there is none. */
int eval_main_face(const struct vision_result *r);
