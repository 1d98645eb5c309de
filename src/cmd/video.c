/* Moving pictures: video files, V4L2 devices and RTSP streams through libavformat.
 *
 * Every frame is decoded; one in 1/fps seconds (by its own time for files, by the clock for live
 * sources) is turned into JPEG by libswscale and TurboJPEG. A live source is read without a pause,
 * so that a frame handed out is never old.
 * Cost: the codec's, plus about 5 ms a frame handed out at 1280x720. Thread: one at a time.
 * Invariant: a stream that stalls is an error after STALL_S seconds, never a hang. */
#include "cmd/frames.h"

#include "base/mem.h"

#include <libavcodec/avcodec.h>
#include <libavdevice/avdevice.h>
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>
#include <turbojpeg.h>

enum { STALL_S = 10, JPEG_QUALITY = 90 };

struct video {
    struct frames base; /* first */
    const char *name;   /* of the source, for frame names; borrowed from source */
    char *source;       /* owned */
    struct frames_options options;
    AVFormatContext *format;
    AVCodecContext *codec;
    struct SwsContext *scaler;
    AVPacket *packet;
    AVFrame *picture;
    tjhandle jpeg;
    int stream;
    usec_t next_due; /* media time (files) or time_mono (live) of the next frame to hand out */
    usec_t deadline; /* time_mono when a read has stalled */
    int64_t count;
    bool flushing;
};

static void video_close(struct frames *f)
{
    struct video *v = (struct video *)f;
    sws_freeContext(v->scaler);
    av_frame_free(&v->picture);
    av_packet_free(&v->packet);
    avcodec_free_context(&v->codec);
    avformat_close_input(&v->format);
    if (v->jpeg)
        tjDestroy(v->jpeg);
    mem_free(v->source);
    mem_free(v);
}

/* The source as errors name it: an address may hold a password. */
static const char *label(const struct video *v)
{
    return strstr(v->source, "://") ? "the stream" : v->source;
}

/* libavformat asks whether to give up a blocking read. */
static int interrupted(void *ctx)
{
    const struct video *v = ctx;
    return time_mono() > v->deadline || (v->options.stop && atomic_load(v->options.stop));
}

static enum err av_failed(const struct video *v, int code, const char *what, struct error *e)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, text, sizeof text);
    if (code == AVERROR(ENOENT))
        return error_set(e, ERR_NOT_FOUND, "there is nothing at %.180s", label(v));
    if (code == AVERROR_INVALIDDATA)
        return error_set(e, ERR_UNSUPPORTED, "%.140s is neither a picture nor a video", label(v));
    return error_set(e, ERR_IO, "%s %.120s: %s", what, label(v), text);
}

static enum err open_input(struct video *v, struct error *e)
{
    bool device = strncmp(v->source, "/dev/", 5) == 0;
    const AVInputFormat *kind = NULL;
    if (device) {
        avdevice_register_all();
        kind = av_find_input_format("v4l2");
        if (!kind)
            return error_set(e, ERR_UNSUPPORTED, "this libavdevice cannot read V4L2 cameras");
    }
    v->base.live = device || strncmp(v->source, "rtsp", 4) == 0;
    v->format = avformat_alloc_context();
    if (!v->format)
        return error_set(e, ERR_NOMEM, "out of memory");
    v->format->interrupt_callback = (AVIOInterruptCB){.callback = interrupted, .opaque = v};
    v->deadline = time_mono() + STALL_S * USEC_PER_SEC;
    AVDictionary *options = NULL;
    if (strncmp(v->source, "rtsp", 4) == 0)
        av_dict_set(&options, "rtsp_transport", "tcp", 0);
    int r = avformat_open_input(&v->format, v->source, kind, &options);
    av_dict_free(&options);
    if (r >= 0)
        r = avformat_find_stream_info(v->format, NULL);
    return r < 0 ? av_failed(v, r, "cannot open", e) : ERR_OK;
}

static enum err open_codec(struct video *v, struct error *e)
{
    const AVCodec *decoder = NULL;
    v->stream = av_find_best_stream(v->format, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
    if (v->stream < 0 || !decoder)
        return error_set(e, ERR_UNSUPPORTED, "%.160s holds no video this machine can decode",
                         label(v));
    v->codec = avcodec_alloc_context3(decoder);
    v->packet = av_packet_alloc();
    v->picture = av_frame_alloc();
    v->jpeg = tjInitCompress();
    if (!v->codec || !v->packet || !v->picture || !v->jpeg)
        return error_set(e, ERR_NOMEM, "out of memory");
    int r = avcodec_parameters_to_context(v->codec, v->format->streams[v->stream]->codecpar);
    if (r >= 0)
        r = avcodec_open2(v->codec, decoder, NULL);
    return r < 0 ? av_failed(v, r, "cannot decode", e) : ERR_OK;
}

/* Reads packets until the decoder has a picture; ret_end at the end of the file. */
static enum err read_picture(struct video *v, bool *ret_end, struct error *e)
{
    *ret_end = false;
    for (;;) {
        int r = avcodec_receive_frame(v->codec, v->picture);
        if (r == 0)
            return ERR_OK;
        if (r == AVERROR_EOF) {
            *ret_end = true;
            return ERR_OK;
        }
        if (r != AVERROR(EAGAIN))
            return av_failed(v, r, "cannot decode", e);
        v->deadline = time_mono() + STALL_S * USEC_PER_SEC;
        r = av_read_frame(v->format, v->packet);
        if (r == AVERROR_EOF && !v->flushing) {
            v->flushing = true;
            (void)avcodec_send_packet(v->codec, NULL);
            continue;
        }
        if (r < 0)
            return av_failed(v, r, "no more frames from", e);
        if (v->packet->stream_index == v->stream)
            (void)avcodec_send_packet(v->codec, v->packet); /* a broken packet costs its frame */
        av_packet_unref(v->packet);
    }
}

/* When this picture was taken: its own time in a file, now for a live source. */
static usec_t picture_time(const struct video *v)
{
    if (v->base.live)
        return time_mono();
    const AVStream *s = v->format->streams[v->stream];
    int64_t pts = v->picture->best_effort_timestamp;
    if (pts == AV_NOPTS_VALUE)
        return v->next_due;
    if (s->start_time != AV_NOPTS_VALUE)
        pts -= s->start_time;
    return av_rescale_q(pts, s->time_base, (AVRational){1, 1000000});
}

static enum err encode_picture(struct video *v, struct arena *a, struct str *ret_jpeg,
                               struct error *e)
{
    const AVFrame *p = v->picture;
    v->scaler =
        sws_getCachedContext(v->scaler, p->width, p->height, (enum AVPixelFormat)p->format,
                             p->width, p->height, AV_PIX_FMT_RGB24, SWS_BILINEAR, NULL, NULL, NULL);
    size_t stride = (size_t)p->width * 3;
    uint8_t *rgb = arena_array(a, (size_t)p->height, stride);
    unsigned long size = tjBufSize(p->width, p->height, TJSAMP_420);
    uint8_t *jpeg = arena_alloc(a, size);
    if (!v->scaler || !rgb || !jpeg)
        return error_set(e, ERR_NOMEM, "out of memory for a frame of %dx%d", p->width, p->height);
    sws_scale(v->scaler, (const uint8_t *const *)p->data, p->linesize, 0, p->height,
              (uint8_t *[4]){rgb}, (int[4]){(int)stride});
    if (tjCompress2(v->jpeg, rgb, p->width, (int)stride, p->height, TJPF_RGB, &jpeg, &size,
                    TJSAMP_420, JPEG_QUALITY, TJFLAG_NOREALLOC) != 0)
        return error_set(e, ERR_UNPROCESSABLE, "cannot write a JPEG: %s", tjGetErrorStr2(v->jpeg));
    *ret_jpeg = (struct str){(const char *)jpeg, size};
    return ERR_OK;
}

static enum err rewind_video(struct video *v, struct error *e)
{
    int r = av_seek_frame(v->format, v->stream, 0, AVSEEK_FLAG_BACKWARD);
    if (r < 0)
        return av_failed(v, r, "cannot start again with", e);
    avcodec_flush_buffers(v->codec);
    v->flushing = false;
    v->next_due = 0;
    return ERR_OK;
}

static enum err video_next(struct frames *f, struct arena *a, struct frame *ret_frame,
                           bool *ret_end, struct error *e)
{
    struct video *v = (struct video *)f;
    for (;;) {
        bool end = false;
        enum err r = read_picture(v, &end, e);
        if (r)
            return r;
        if (end && (!v->options.loop || v->base.live || v->count == 0)) {
            *ret_end = true;
            return ERR_OK;
        }
        if (end) {
            r = rewind_video(v, e);
            if (r)
                return r;
            continue;
        }
        usec_t at = picture_time(v);
        if (at < v->next_due)
            continue;
        usec_t step = (usec_t)((double)USEC_PER_SEC / v->options.fps);
        v->next_due = at > v->next_due + step ? at + step : v->next_due + step;
        v->count++;
        char *name = v->base.live ? arena_printf(a, "%s#%lld", v->name, (long long)v->count)
                                  : arena_printf(a, "%s@%.1fs", v->name, (double)at / USEC_PER_SEC);
        if (!name)
            return error_set(e, ERR_NOMEM, "out of memory");
        ret_frame->name = str_from(name);
        *ret_end = false;
        return encode_picture(v, a, &ret_frame->bytes, e);
    }
}

/* What frames of this source are called: its last part, without what may be a password. */
static const char *source_name(const char *source)
{
    const char *slash = strrchr(source, '/');
    return strstr(source, "://") ? "stream" : slash ? slash + 1 : source;
}

enum err frames_open_video(const char *source, const struct frames_options *o,
                           struct frames **ret_frames, struct error *e)
{
    struct video *v = mem_alloc(sizeof *v);
    if (!v)
        return error_set(e, ERR_NOMEM, "out of memory");
    v->base = (struct frames){.next = video_next, .close = video_close};
    v->options = *o;
    v->source = mem_strdup(source);
    enum err r = v->source ? ERR_OK : error_set(e, ERR_NOMEM, "out of memory");
    if (!r) {
        v->name = source_name(v->source);
        av_log_set_level(AV_LOG_FATAL); /* what matters comes back as an error */
        r = open_input(v, e);
    }
    if (!r)
        r = open_codec(v, e);
    if (r) {
        video_close(&v->base);
        return r;
    }
    *ret_frames = &v->base;
    return ERR_OK;
}
