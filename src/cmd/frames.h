/* Where frames come from: pictures (one file, a folder in natural order, a prepared list) or a
 * moving picture (video file, V4L2 device, RTSP stream).
 *
 * A source hands out encoded pictures one by one; pictures are sent as they lie on disk, frames of
 * a video become JPEG. Thread: one at a time. */
#pragma once

#include "base/arena.h"
#include "base/time.h"

#include <stdatomic.h>

struct frames;

/* One encoded picture; both strings lie in the arena given to frames_next. */
struct frame {
    struct str name;  /* for people: path below the folder, or clip.mp4@12.4s */
    struct str bytes; /* JPEG, or whatever the file held */
};

/* A picture of a prepared list: a file, or (path NULL) bytes that outlive the source. */
struct frame_item {
    const char *path, *name;
    struct str bytes;
};

struct frames_options {
    double fps; /* of a moving picture: how many frames a second are handed out */
    bool loop;  /* start again at the end (not for live sources) */
    /* Set by another thread (or a signal handler) to give up waiting; may be NULL. */
    const atomic_bool *stop;
};

/* Opens `source`: a picture, a folder (searched two levels deep), a video file, /dev/videoN, or a
 * URL with rtsp:// (also rtsps, http, https). Errors NOT_FOUND, UNSUPPORTED, IO. */
NODISCARD enum err frames_open(const char *source, const struct frames_options *o,
                               struct frames **ret_frames, struct error *e);
/* The n items in their order; strings are borrowed until close. */
NODISCARD enum err frames_open_list(const struct frame_item *items, int n,
                                    const struct frames_options *o, struct frames **ret_frames,
                                    struct error *e);
void frames_close(struct frames *f);
/* Cleanup attribute helper. */
void frames_closep(struct frames **f);

/* True when the source sets the pace itself (camera, stream): do not sleep between frames. */
bool frames_is_live(const struct frames *f);

/* The next frame in `a`; ret_end true (and no frame) when the source is over. An error concerns
 * this one frame: the next call goes on, unless the code is IO or UNAVAILABLE (source gone). */
NODISCARD enum err frames_next(struct frames *f, struct arena *a, struct frame *ret_frame,
                               bool *ret_end, struct error *e);

/* What a kind of source implements; embedded first in its struct. */
struct frames {
    enum err (*next)(struct frames *f, struct arena *a, struct frame *ret_frame, bool *ret_end,
                     struct error *e);
    void (*close)(struct frames *f);
    bool live;
};

/* Implemented by video.c. */
NODISCARD enum err frames_open_video(const char *source, const struct frames_options *o,
                                     struct frames **ret_frames, struct error *e);

/* The picture files below `folder` (at most two levels deep, natural order), as items whose strings
 * lie in `a`; names are paths below the folder. Errors NOT_FOUND, IO, NOMEM. */
NODISCARD enum err frames_list_folder(const char *folder, struct arena *a,
                                      struct frame_item **ret_items, int *ret_n, struct error *e);
/* The same with the video files among them. */
NODISCARD enum err frames_list_clips(const char *folder, struct arena *a,
                                     struct frame_item **ret_items, int *ret_n, struct error *e);
/* True for a file name that ends like a picture (jpg jpeg png webp heic heif), or like a video (mp4
 * m4v mov avi mkv webm). */
bool frames_is_picture(const char *name);
bool frames_is_video(const char *name);
/* The sub-folders of `folder` in natural order, hidden ones left out. Errors NOT_FOUND, IO. */
NODISCARD enum err frames_list_folders(const char *folder, struct arena *a, const char ***ret_names,
                                       int *ret_n, struct error *e);
