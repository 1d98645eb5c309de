/* Pictures from files and folders. See frames.h.
 *
 * Cost: one file read a frame. Thread: one at a time. Invariant: a file that cannot be read costs
 * that one frame, never the run. */
#include "cmd/frames.h"

#include "base/file.h"
#include "base/mem.h"
#include "cmd/words.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

enum { PICTURE_MAX = 64 * 1024 * 1024, FOLDER_ITEMS_MAX = 100000, FOLDER_DEPTH = 2 };

struct picture_list {
    struct frames base; /* first */
    struct arena *arena;
    const struct frame_item *items;
    int n, at;
    bool loop;
};

static enum err list_next(struct frames *f, struct arena *a, struct frame *ret_frame, bool *ret_end,
                          struct error *e)
{
    struct picture_list *l = (struct picture_list *)f;
    *ret_end = false;
    if (l->at == l->n) {
        if (!l->loop || l->n == 0) {
            *ret_end = true;
            return ERR_OK;
        }
        l->at = 0;
    }
    const struct frame_item *item = &l->items[l->at++];
    ret_frame->name = arena_copy(a, str_from(item->name));
    if (!ret_frame->name.p)
        return error_set(e, ERR_NOMEM, "out of memory");
    if (!item->path) {
        ret_frame->bytes = item->bytes;
        return ERR_OK;
    }
    enum err r = file_read(item->path, PICTURE_MAX, a, &ret_frame->bytes, e);
    /* IO would mean that the source is gone; here it is one file of many. */
    return r == ERR_IO ? ERR_UNPROCESSABLE : r;
}

static void list_close(struct frames *f)
{
    struct picture_list *l = (struct picture_list *)f;
    arena_free(l->arena);
    mem_free(l);
}

enum err frames_open_list(const struct frame_item *items, int n, const struct frames_options *o,
                          struct frames **ret_frames, struct error *e)
{
    struct picture_list *l = mem_alloc(sizeof *l);
    if (!l)
        return error_set(e, ERR_NOMEM, "out of memory");
    l->base = (struct frames){.next = list_next, .close = list_close};
    l->items = items;
    l->n = n;
    l->loop = o->loop;
    *ret_frames = &l->base;
    return ERR_OK;
}

static bool ends_like(const char *name, const char *const endings[], size_t n)
{
    struct str s = str_from(name);
    for (size_t i = 0; i < n; i++) {
        struct str ending = str_from(endings[i]);
        if (s.n > ending.n && str_eq_nocase((struct str){s.p + s.n - ending.n, ending.n}, ending))
            return true;
    }
    return false;
}

bool frames_is_picture(const char *name)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"};
    return ends_like(name, endings, ARRAY_LEN(endings));
}

bool frames_is_video(const char *name)
{
    static const char *const endings[] = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"};
    return ends_like(name, endings, ARRAY_LEN(endings));
}

static int entry_compare(const struct dirent **a, const struct dirent **b)
{
    return natural_compare((*a)->d_name, (*b)->d_name);
}

static int entry_visible(const struct dirent *d) { return d->d_name[0] != '.'; }

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

struct listing {
    struct arena *a;
    struct frame_item *items;
    int n, capacity;
    bool videos; /* wanted too */
    size_t skip; /* bytes of the top folder's path, with its '/' */
};

static enum err listing_add(struct listing *l, const char *path, struct error *e)
{
    if (l->n == FOLDER_ITEMS_MAX)
        return error_set(e, ERR_TOO_LARGE, "more than %d pictures in one folder", FOLDER_ITEMS_MAX);
    if (l->n == l->capacity) {
        int capacity = l->capacity ? 2 * l->capacity : 64;
        struct frame_item *items = arena_array(l->a, (size_t)capacity, sizeof *items);
        if (!items)
            return error_set(e, ERR_NOMEM, "out of memory");
        if (l->n > 0)
            memcpy(items, l->items, (size_t)l->n * sizeof *items);
        l->items = items;
        l->capacity = capacity;
    }
    l->items[l->n++] = (struct frame_item){.path = path, .name = path + l->skip};
    return ERR_OK;
}

static enum err scan(const char *folder, struct dirent ***ret_entries, int *ret_n, struct error *e)
{
    *ret_n = scandir(folder, ret_entries, entry_visible, entry_compare);
    if (*ret_n >= 0)
        return ERR_OK;
    if (errno == ENOENT || errno == ENOTDIR)
        return error_set(e, ERR_NOT_FOUND, "there is no folder %.180s", folder);
    return error_set(e, ERR_IO, "cannot read the folder %.140s: %s", folder, strerror(errno));
}

static enum err list_level(struct listing *l, const char *folder, int depth, struct error *e)
{
    struct dirent **entries = NULL;
    int n = 0;
    enum err r = scan(folder, &entries, &n, e);
    for (int i = 0; i < n; i++) {
        char *path = r ? NULL : arena_printf(l->a, "%s/%s", folder, entries[i]->d_name);
        if (!r && !path)
            r = error_set(e, ERR_NOMEM, "out of memory");
        if (!r && is_folder(path)) {
            if (depth < FOLDER_DEPTH)
                r = list_level(l, path, depth + 1, e);
        } else if (!r && (frames_is_picture(path) || (l->videos && frames_is_video(path)))) {
            r = listing_add(l, path, e);
        }
        free(entries[i]);
    }
    free(entries);
    return r;
}

static enum err list_folder(const char *folder, bool videos, struct arena *a,
                            struct frame_item **ret_items, int *ret_n, struct error *e)
{
    struct str top = str_from(folder);
    while (top.n > 1 && top.p[top.n - 1] == '/')
        top.n--;
    char *path = arena_copy(a, top).p ? arena_printf(a, "%.*s", STR_ARGS(top)) : NULL;
    if (!path)
        return error_set(e, ERR_NOMEM, "out of memory");
    struct listing l = {.a = a, .videos = videos, .skip = top.n + 1};
    enum err r = list_level(&l, path, 1, e);
    if (r)
        return r;
    *ret_items = l.items;
    *ret_n = l.n;
    return ERR_OK;
}

enum err frames_list_folder(const char *folder, struct arena *a, struct frame_item **ret_items,
                            int *ret_n, struct error *e)
{
    return list_folder(folder, false, a, ret_items, ret_n, e);
}

enum err frames_list_clips(const char *folder, struct arena *a, struct frame_item **ret_items,
                           int *ret_n, struct error *e)
{
    return list_folder(folder, true, a, ret_items, ret_n, e);
}

enum err frames_list_folders(const char *folder, struct arena *a, const char ***ret_names,
                             int *ret_n, struct error *e)
{
    struct dirent **entries = NULL;
    int n = 0, kept = 0;
    enum err r = scan(folder, &entries, &n, e);
    if (r)
        return r;
    const char **names = arena_array(a, (size_t)n + 1, sizeof *names);
    if (!names)
        r = error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) {
        const char *path = r ? NULL : arena_printf(a, "%s/%s", folder, entries[i]->d_name);
        if (path && is_folder(path))
            names[kept++] = arena_strdup(a, str_from(entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    *ret_names = names;
    *ret_n = kept;
    return r;
}

/* A single picture is a list of one. */
static enum err open_pictures(const char *source, bool folder, const struct frames_options *o,
                              struct frames **ret_frames, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(128 * MIB);
    struct frame_item *items = a ? arena_alloc(a, sizeof *items) : NULL;
    if (!items)
        return error_set(e, ERR_NOMEM, "out of memory");
    int n = 1;
    const char *slash = strrchr(source, '/');
    *items = (struct frame_item){.path = source, .name = slash ? slash + 1 : source};
    enum err r = folder ? frames_list_folder(source, a, &items, &n, e) : ERR_OK;
    if (!r && n == 0)
        r = error_set(e, ERR_NOT_FOUND, "there is no picture in %.180s", source);
    if (!r)
        r = frames_open_list(items, n, o, ret_frames, e);
    if (!r)
        ((struct picture_list *)*ret_frames)->arena = TAKE(a);
    return r;
}

enum err frames_open(const char *source, const struct frames_options *o, struct frames **ret_frames,
                     struct error *e)
{
    if (strstr(source, "://"))
        return frames_open_video(source, o, ret_frames, e);
    struct stat st;
    if (stat(source, &st) != 0)
        return error_set(e, ERR_NOT_FOUND, "there is nothing at %.180s", source);
    if (S_ISDIR(st.st_mode))
        return open_pictures(source, true, o, ret_frames, e);
    if (S_ISREG(st.st_mode) && frames_is_picture(source))
        return open_pictures(source, false, o, ret_frames, e);
    return frames_open_video(source, o, ret_frames, e);
}

void frames_close(struct frames *f)
{
    if (f)
        f->close(f);
}

void frames_closep(struct frames **f) { frames_close(*f); }

bool frames_is_live(const struct frames *f) { return f->live; }

enum err frames_next(struct frames *f, struct arena *a, struct frame *ret_frame, bool *ret_end,
                     struct error *e)
{
    return f->next(f, a, ret_frame, ret_end, e);
}
