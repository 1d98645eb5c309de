/* The .ini of a brought encoder, and the hash that keeps its templates apart; see encoder_file.h.
 *
 * inih splits the lines; one row of `keys` reads each value. Called once when an engine opens and
 * by `rollcall models list` and `doctor`. Invariant: a file that was read is whole and consistent,
 * whether the model agrees is encoder.c's to find out. */
#include "vision/encoder_file.h"

#include "base/file.h"
#include "base/mem.h"

#include <ini.h>
#include <math.h>
#include <stdio.h>

enum { SPEC_BYTES_MAX = 16 * KIB, DIM_MAX = 4096, SIDE_MIN = 16, POINT_NUMBERS = 2 * FACE_POINTS };
enum { NAME_LETTERS_MAX = 24, HASH_DIGITS = 16, FACTOR_NUMBERS = 2 };
#define MODEL_BYTES_MAX ((size_t)1 << 30)
#define FACTOR_MAX 4.0f

enum key {
    KEY_NAME,
    KEY_LICENCE,
    KEY_DIM,
    KEY_SIDE,
    KEY_CROP,
    KEY_DETECTOR,
    KEY_COLOUR,
    KEY_MEAN,
    KEY_SCALE,
    KEY_STANDARDISE,
    KEY_NORMALISED,
    KEY_INPUT,
    KEY_OUTPUT,
    KEY_SHA256,
    KEY_N
};

/* One reading of an .ini. */
struct reading {
    struct encoder_file *file;
    const char *path;
    bool seen[KEY_N], standardise, box;
    char sha256[MODEL_SHA256_TEXT];
    enum detector_kind only; /* DETECTOR_KIND_N: any */
    enum err err;
    struct error *e;
};

/* Each reads the value of one key; false when it is not as the row's `allowed` says. */
typedef bool key_fn(struct reading *r, struct str value);

static bool one_of(struct str value, const char *first, const char *second, bool *ret_second)
{
    *ret_second = str_is(value, second);
    return *ret_second || str_is(value, first);
}

static bool read_whole(struct str value, int min, int max, int *ret_value)
{
    int64_t n;
    if (str_to_i64(value, &n, NULL) || n < min || n > max)
        return false;
    *ret_value = (int)n;
    return true;
}

/* n numbers with spaces or commas between. */
static bool read_numbers(struct str value, int n, float *ret_numbers)
{
    for (int i = 0; i < n; i++) {
        size_t at = 0;
        while (value.n && (*value.p == ' ' || *value.p == ',' || *value.p == '\t'))
            value = (struct str){value.p + 1, value.n - 1};
        while (at < value.n && value.p[at] != ' ' && value.p[at] != ',' && value.p[at] != '\t')
            at++;
        double number;
        if (str_to_double((struct str){value.p, at}, &number, NULL) || !isfinite(number))
            return false;
        ret_numbers[i] = (float)number;
        value = (struct str){value.p + at, value.n - at};
    }
    return str_trim(value).n == 0;
}

static bool copy_text(struct str value, char *to, size_t size)
{
    if (value.n == 0 || value.n >= size || !str_is_utf8(value))
        return false;
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < ' ' || strchr("\"\\\x7f", value.p[i]))
            return false;
    memcpy(to, value.p, value.n);
    to[value.n] = '\0';
    return true;
}

static bool set_name(struct reading *r, struct str v)
{
    for (size_t i = 0; i < v.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", v.p[i]))
            return false;
    if (v.n == 0 || v.n > NAME_LETTERS_MAX)
        return false;
    snprintf(r->file->name, sizeof r->file->name, ENCODER_FILE_PREFIX "%.*s", STR_ARGS(v));
    return true;
}

static bool set_licence(struct reading *r, struct str v)
{
    return copy_text(v, r->file->licence, sizeof r->file->licence);
}

static bool set_dim(struct reading *r, struct str v)
{
    return read_whole(v, 2, DIM_MAX, &r->file->spec.dim);
}

static bool set_side(struct reading *r, struct str v)
{
    return read_whole(v, SIDE_MIN, CROP_SIDE, &r->file->spec.side);
}

static bool set_crop(struct reading *r, struct str v)
{
    struct str rest = v, word;
    struct crop_spec *crop = &r->file->spec.crops[0];
    if (!str_split(&rest, ' ', &word) || !one_of(word, "points", "box", &r->box))
        return false;
    if (!r->box)
        return read_numbers(rest, POINT_NUMBERS, &r->file->points[0][0]);
    float factors[FACTOR_NUMBERS];
    if (!read_numbers(rest, FACTOR_NUMBERS, factors) || !(factors[0] > 0 && factors[1] > 0) ||
        factors[0] > FACTOR_MAX || factors[1] > FACTOR_MAX)
        return false;
    crop->width_factor = factors[0];
    crop->height_factor = factors[1];
    return true;
}

static bool set_detector(struct reading *r, struct str v)
{
    static const char *const words[DETECTOR_KIND_N + 1] = {"yunet", "retinaface", "mtcnn", "any"};
    for (int i = 0; i <= DETECTOR_KIND_N; i++) {
        if (str_is(v, words[i])) {
            r->only = (enum detector_kind)i;
            return true;
        }
    }
    return false;
}

static bool set_colour(struct reading *r, struct str v)
{
    bool bgr;
    bool known = one_of(v, "rgb", "bgr", &bgr);
    r->file->spec.colour = bgr ? CROP_BGR : CROP_RGB;
    return known;
}

/* One number for all colours, or three: red, green, blue. */
static bool read_colours(struct str v, float ret_numbers[static 3])
{
    if (read_numbers(v, 3, ret_numbers))
        return true;
    if (!read_numbers(v, 1, ret_numbers))
        return false;
    ret_numbers[1] = ret_numbers[2] = ret_numbers[0];
    return true;
}

static bool set_mean(struct reading *r, struct str v)
{
    return read_colours(v, r->file->spec.mean);
}

static bool set_scale(struct reading *r, struct str v)
{
    const float *scale = r->file->spec.scale;
    return read_colours(v, r->file->spec.scale) && scale[0] > 0 && scale[1] > 0 && scale[2] > 0;
}

static bool set_standardise(struct reading *r, struct str v)
{
    return one_of(v, "no", "yes", &r->standardise);
}

static bool set_normalised(struct reading *r, struct str v)
{
    return one_of(v, "no", "yes", &r->file->spec.normalised);
}

static bool set_input(struct reading *r, struct str v)
{
    return copy_text(v, r->file->input, sizeof r->file->input);
}

static bool set_output(struct reading *r, struct str v)
{
    return copy_text(v, r->file->output, sizeof r->file->output);
}

static bool set_sha256(struct reading *r, struct str v)
{
    for (size_t i = 0; i < v.n; i++)
        if (!strchr("0123456789abcdef", v.p[i]))
            return false;
    return v.n + 1 == sizeof r->sha256 && copy_text(v, r->sha256, sizeof r->sha256);
}

static const struct key_row {
    const char *name;
    bool required;
    key_fn *set;
    const char *allowed;
} keys[KEY_N] = {
    [KEY_NAME] = {"name", true, set_name, "1 to 24 of a-z 0-9 _ -"},
    [KEY_LICENCE] = {"licence", true, set_licence, "the licence of the weights, up to 199 bytes"},
    [KEY_DIM] = {"dim", true, set_dim, "the numbers of a vector, 2 to 4096"},
    [KEY_SIDE] = {"side", true, set_side, "pixels of the crop's side, 16 to 160"},
    [KEY_CROP] =
        {"crop", true, set_crop,
         "`box WIDTH HEIGHT` (factors of the face's box, up to 4) or `points` and five x y "
         "in pixels of the crop"},
    [KEY_DETECTOR] = {"detector", false, set_detector, "yunet, retinaface, mtcnn or any"},
    [KEY_COLOUR] = {"colour", true, set_colour, "rgb or bgr"},
    [KEY_MEAN] = {"mean", false, set_mean, "one number, or three: red, green, blue"},
    [KEY_SCALE] = {"scale", false, set_scale, "one number above 0, or three: red, green, blue"},
    [KEY_STANDARDISE] = {"standardise", false, set_standardise, "yes or no"},
    [KEY_NORMALISED] = {"normalised", false, set_normalised, "yes or no"},
    [KEY_INPUT] = {"input", false, set_input, "the model's input, up to 63 bytes"},
    [KEY_OUTPUT] = {"output", false, set_output, "the model's output, up to 63 bytes"},
    [KEY_SHA256] = {"sha256", false, set_sha256, "64 lower-case hexadecimal digits"},
};

static enum err set_pair(struct reading *r, const char *section, const char *name,
                         const char *value)
{
    if (*section)
        return error_set(r->e, ERR_INVALID, "%.140s: sections like [%.40s] are not used", r->path,
                         section);
    for (int k = 0; k < KEY_N; k++) {
        if (strcmp(name, keys[k].name) != 0)
            continue;
        if (r->seen[k])
            return error_set(r->e, ERR_INVALID, "%.140s: %s stands twice", r->path, name);
        r->seen[k] = true;
        if (keys[k].set(r, str_from(value)))
            return ERR_OK;
        return error_set(r->e, ERR_INVALID, "%.140s: %s is '%.40s', but allowed is %s", r->path,
                         name, value, keys[k].allowed);
    }
    return error_set(r->e, ERR_INVALID, "%.140s: unknown key '%.40s' (docs/models.md lists them)",
                     r->path, name);
}

static int on_pair(void *user, const char *section, const char *name, const char *value)
{
    struct reading *r = user;
    if (!r->err)
        r->err = set_pair(r, section, name, value);
    return !r->err;
}

static enum err check_points(const struct reading *r)
{
    for (int i = 0; i < FACE_POINTS; i++)
        for (int k = 0; k < 2; k++)
            if (r->file->points[i][k] < 0 || r->file->points[i][k] > (float)r->file->spec.side)
                return error_set(r->e, ERR_INVALID,
                                 "%.140s: a point of crop lies outside the %d x %d pixels of side",
                                 r->path, r->file->spec.side, r->file->spec.side);
    return ERR_OK;
}

static enum err check_whole(struct reading *r)
{
    for (int k = 0; k < KEY_N; k++)
        if (keys[k].required && !r->seen[k])
            return error_set(r->e, ERR_INVALID, "%.140s: %s is missing: %s", r->path, keys[k].name,
                             keys[k].allowed);
    if (r->standardise && (r->seen[KEY_MEAN] || r->seen[KEY_SCALE]))
        return error_set(
            r->e, ERR_INVALID,
            "%.140s: standardise = yes takes mean and deviation from each crop: leave out "
            "mean and scale",
            r->path);
    if (r->box && r->seen[KEY_DETECTOR] && r->only == (enum detector_kind)DETECTOR_KIND_N)
        return error_set(r->e, ERR_INVALID,
                         "%.140s: the factors of a box fit the boxes of one detector: name it",
                         r->path);
    if (r->sha256[0] && strcmp(r->sha256, r->file->sha256) != 0)
        return error_set(r->e, ERR_CORRUPT,
                         "%.200s is not the file that %s states (sha256 %.16s..)", r->file->path,
                         r->path, r->file->sha256);
    return r->box ? ERR_OK : check_points(r);
}

/* ---- the model file */

/* External data: a TensorProto entry with the key "location" (onnx.proto: StringStringEntryProto,
 * field 1 of 8 bytes). */
static bool has_outside_weights(struct str model)
{
    static const char entry[] = "\x0a\x08location";
    return memmem(model.p, model.n, entry, sizeof entry - 1) != NULL;
}

static enum err read_model(struct encoder_file *file, struct error *e)
{
    struct str model;
    _cleanup_(arena_freep) struct arena *a = arena_new(MODEL_BYTES_MAX + MIB);
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to read a model");
    enum err r = file_read(file->path, MODEL_BYTES_MAX, a, &model, e);
    if (r == ERR_NOT_FOUND)
        return error_set(e, r, "%.140s is missing: encoder = onnx:FILE.onnx names a file of yours",
                         file->path);
    if (r)
        return r;
    if (has_outside_weights(model))
        return error_set(
            e, ERR_UNPROCESSABLE,
            "%.140s keeps weights in other files, which its sha256 does not cover: save "
            "it as one file",
            file->path);
    bytes_sha256(model, file->sha256);
    return ERR_OK;
}

/* ---- identity */

/* All that changes a vector. */
static void fingerprint(const struct reading *r, char ret_hex[static MODEL_SHA256_TEXT])
{
    char text[KIB * 2];
    struct encoder_file *f = r->file;
    const struct encoder_spec *s = &f->spec;
    int n = snprintf(text, sizeof text, "1|%s|%s|%s|%d|%d|%d|%d|%d|%.9g|%.9g", f->sha256, f->input,
                     f->output, s->dim, s->side, (int)s->colour, (int)s->scaling, (int)s->linear,
                     (double)s->crops[0].width_factor, (double)s->crops[0].height_factor);
    for (int k = 0; k < 3; k++)
        n += snprintf(text + n, sizeof text - (size_t)n, "|%.9g|%.9g", (double)s->mean[k],
                      (double)s->scale[k]);
    for (int i = 0; i < FACE_POINTS; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "|%.9g|%.9g", (double)f->points[i][0],
                      (double)f->points[i][1]);
    bytes_sha256((struct str){text, (size_t)n}, ret_hex);
}

static void complete(struct reading *r)
{
    static const char *const suffixes[DETECTOR_KIND_N] = {"", "-retinaface", "-mtcnn"};
    char hex[MODEL_SHA256_TEXT];
    struct encoder_file *f = r->file;
    struct encoder_spec *s = &f->spec;
    s->name = f->name;
    s->licence = f->licence;
    s->input = f->input[0] ? f->input : NULL;
    s->output = f->output[0] ? f->output : NULL;
    s->scaling = r->standardise ? CROP_STANDARDISED : CROP_RAW;
    s->linear = r->seen[KEY_MEAN] || r->seen[KEY_SCALE];
    s->crops[0].side = s->side;
    s->crops[0].points = r->box ? NULL : f->points;
    fingerprint(r, hex);
    const struct crop_spec crop = s->crops[0];
    if (!r->seen[KEY_DETECTOR])
        r->only = r->box ? DETECTOR_YUNET : (enum detector_kind)DETECTOR_KIND_N;
    for (int d = 0; d < DETECTOR_KIND_N; d++) {
        s->crops[d] = crop;
        if (r->only != (enum detector_kind)DETECTOR_KIND_N && r->only != (enum detector_kind)d)
            continue;
        snprintf(f->preprocessing[d], sizeof f->preprocessing[d], "%s-%.*s%s",
                 r->box ? "box" : "points5", HASH_DIGITS, hex, suffixes[d]);
        s->crops[d].preprocessing = f->preprocessing[d];
    }
}

static enum err read_spec(struct reading *r)
{
    struct str bytes;
    _cleanup_(arena_freep) struct arena *a = arena_new(4 * SPEC_BYTES_MAX);
    if (!a)
        return error_set(r->e, ERR_NOMEM, "no memory to read %s", r->path);
    enum err err = file_read(r->path, SPEC_BYTES_MAX, a, &bytes, r->e);
    if (err == ERR_NOT_FOUND)
        return error_set(
            r->e, err,
            "%.140s is missing: it says how the encoder is fed (docs/models.md, Your own "
            "encoder)",
            r->path);
    if (err)
        return err;
    const char *text = arena_strdup(a, bytes);
    if (!text)
        return error_set(r->e, ERR_NOMEM, "no memory to read %s", r->path);
    if (!str_is_utf8(bytes) || strlen(text) != bytes.n)
        return error_set(r->e, ERR_INVALID, "%.140s: not a UTF-8 text file", r->path);
    int line = ini_parse_string(text, on_pair, r);
    if (r->err)
        return r->err;
    if (line)
        return error_set(r->e, ERR_INVALID, "%s:%d: expected `name = value`", r->path, line);
    return ERR_OK;
}

enum err encoder_file_read(const char *option, struct encoder_file *ret_file, struct error *e)
{
    static const char model_end[] = ".onnx";
    const char *path = option + sizeof ENCODER_FILE_PREFIX - 1;
    size_t n = strlen(path), end = sizeof model_end - 1;
    char spec_path[PATH_MAX];
    if (!str_starts(str_from(option), STR(ENCODER_FILE_PREFIX)) || n <= end ||
        n >= sizeof ret_file->path || strcmp(path + n - end, model_end) != 0)
        return error_set(e, ERR_INVALID, "'%.80s' is not onnx:FILE.onnx", option);
    *ret_file = (struct encoder_file){.spec = {.scale = {1, 1, 1}}};
    memcpy(ret_file->path, path, n + 1);
    snprintf(spec_path, sizeof spec_path, "%.*s.ini", (int)(n - end), path);
    struct reading r = {.file = ret_file, .path = spec_path, .e = e};
    enum err err = read_model(ret_file, e);
    if (!err)
        err = read_spec(&r);
    if (!err)
        err = check_whole(&r);
    if (!err)
        complete(&r);
    return err;
}
