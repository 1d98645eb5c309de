/* The world of the pipeline tests: see pipeline_suite.h. Pictures come from the sample photos of
 * set-up, shrunk so that a frame costs little; the vision engine is the product's. Made once, on
 * the main thread; costs about two seconds. */
#include "pipeline_suite.h"

#include "base/file.h"
#include "vision/image_samples.h"

#include <dirent.h>
#include <stdlib.h>

enum {
    WORLD_ARENA = 512 * MIB,
    FILE_MAX = 16 * MIB,
    PHOTO_SIDE = 320,
    GROUP_SIDE = 640,
    TRIED_MAX = 12,
    PATH_TEXT = 1024
};
#define PIXELS_MAX 64000000

struct world world;

static const char *const people[PEOPLE] = {"ben_afflek", "elton_john", "jerry_seinfeld",
                                           "mindy_kaling"};

static const char *folder_of(const char *variable, const char *otherwise)
{
    const char *set = getenv(variable);
    return set && set[0] ? set : otherwise;
}

/* The picture of the file, its long side at most `side`, as JPEG in the world's arena. */
static enum err small_jpeg(const char *path, int side, struct str *ret_jpeg, struct error *e)
{
    struct str bytes;
    struct image full, small;
    int scale;
    float factor;
    enum err r = file_read(path, FILE_MAX, world.a, &bytes, e);
    if (!r)
        r = image_decode(world.a, bytes, PIXELS_MAX, side, &full, &scale, e);
    if (!r)
        r = image_shrink(world.a, &full, side, &small, &factor, e);
    if (!r)
        *ret_jpeg = sample_encode(world.a, IMAGE_JPEG, &small);
    return r;
}

static bool shows_one_face(struct str jpeg)
{
    struct vision_result seen;
    return vision_analyse(world.vision, world.a, jpeg, PIXELS_MAX, &seen, NULL) == ERR_OK &&
           seen.n == 1 && seen.faces[0].embedding;
}

/* The person's first PHOTOS pictures that show one good face. */
static bool find_photos(const char *samples, int person)
{
    char folder[PATH_TEXT], path[2 * PATH_TEXT];
    struct dirent **names;
    int found = 0;
    snprintf(folder, sizeof folder, "%s/train/%s", samples, people[person]);
    int n = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        struct str jpeg;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (found < PHOTOS && i < TRIED_MAX && names[i]->d_name[0] != '.' &&
            small_jpeg(path, PHOTO_SIDE, &jpeg, NULL) == ERR_OK && shows_one_face(jpeg))
            world.photos[person][found++] = jpeg;
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return found == PHOTOS;
}

static bool open_engine(struct error *e)
{
    const struct vision_options o = {
        .models_dir = folder_of("ROLLCALL_MODELS_DIR", "data/models"),
        .detector = "auto",
        .encoder = "facenet128",
        .min_confidence = 0.7,
        .min_face_px = 28,
        .detector_long_side = PHOTO_SIDE,
        .threads = 1,
        .batch_max = 16,
    };
    return vision_open(&o, &world.vision, e) == ERR_OK;
}

bool world_open(void)
{
    const char *samples = folder_of("ROLLCALL_SAMPLES_DIR", ".deps/samples");
    const uint32_t corners[4] = {0x208020, 0x2020a0, 0xa08020, 0x808080};
    char path[PATH_TEXT];
    struct error e = {0};
    world.a = arena_new(WORLD_ARENA);
    if (!world.a || !open_engine(&e)) {
        printf("no models: %s\n", e.msg);
        return false;
    }
    for (int p = 0; p < PEOPLE; p++) {
        if (find_photos(samples, p))
            continue;
        printf("no photos of %s in %s\n", people[p], samples);
        return false;
    }
    struct image plain = sample_quadrants(world.a, PHOTO_SIDE, PHOTO_SIDE, corners);
    world.nobody = sample_encode(world.a, IMAGE_JPEG, &plain);
    snprintf(path, sizeof path, "%s/group/t1.jpg", samples);
    if (small_jpeg(path, GROUP_SIDE, &world.strangers, &e)) {
        printf("%s\n", e.msg);
        return false;
    }
    return true;
}

void world_close(void)
{
    vision_close(world.vision);
    arena_free(world.a);
    world = (struct world){0};
}
