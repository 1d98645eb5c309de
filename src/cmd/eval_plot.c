/* Plots of an evaluation: see eval_plot.h.
 *
 * One chart is a frame with ticks, and lines or areas in it; positions in it go from 0 to 1, right
 * and up, so the callers only map their numbers to that. Thread: main; no state. */
#include "cmd/eval_plot.h"

#include "base/file.h"

#include <cairo.h>
#include <limits.h>
#include <math.h>

enum { WIDTH = 880, HEIGHT = 600, LEFT = 84, RIGHT = 28, TOP = 118, BOTTOM = 64, LABEL = 96 };
/* How much of a histogram's height its highest bar takes; thresholds are named above. */
#define BAR_SHARE 0.84
enum { LEGEND_TOP = 82, LEGEND_ROW = 21 };
enum { AXIS_X, AXIS_Y };
enum mark { MARK_LINE, MARK_DOT, MARK_RING };

struct colour {
    double r, g, b;
};

/* Okabe and Ito's palette, told apart by colour-blind people, too. */
static const struct colour palette[EVAL_RUNS_MAX] = {
    {0.00, 0.45, 0.70}, {0.84, 0.37, 0.00}, {0.00, 0.62, 0.45}, {0.80, 0.47, 0.65},
    {0.34, 0.71, 0.91}, {0.90, 0.62, 0.00}, {0.30, 0.30, 0.30}, {0.94, 0.89, 0.26}};
static const struct colour ink = {0.13, 0.13, 0.15}, faint = {0.88, 0.88, 0.90};
static const struct colour grey = {0.42, 0.42, 0.45};

struct chart {
    cairo_surface_t *surface;
    cairo_t *cr;
    double legend_x, legend_y; /* where the next entry goes: a row above the frame */
};

static void set_colour(struct chart *c, const struct colour *k, double alpha)
{
    cairo_set_source_rgba(c->cr, k->r, k->g, k->b, alpha);
}

static double px(double x) { return LEFT + x * (WIDTH - LEFT - RIGHT); }
static double py(double y) { return HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM); }

/* Text whose left end (0), middle (0.5) or right end (1) is at x; y is its base line. */
static void text_at(struct chart *c, double x, double y, double size, double anchor,
                    const char *text)
{
    cairo_text_extents_t box;
    cairo_set_font_size(c->cr, size);
    cairo_text_extents(c->cr, text, &box);
    cairo_move_to(c->cr, x - anchor * box.x_advance, y);
    cairo_show_text(c->cr, text);
}

static void chart_open(struct chart *c, const char *title, const char *subtitle)
{
    c->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
    c->cr = cairo_create(c->surface);
    cairo_set_source_rgb(c->cr, 1, 1, 1);
    cairo_paint(c->cr);
    cairo_select_font_face(c->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    set_colour(c, &ink, 1);
    text_at(c, LEFT, 34, 19, 0, title);
    cairo_select_font_face(c->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    set_colour(c, &grey, 1);
    text_at(c, LEFT, 57, 13, 0, subtitle);
    c->legend_x = LEFT;
    c->legend_y = LEGEND_TOP;
}

static void axis_titles(struct chart *c, const char *x, const char *y)
{
    set_colour(c, &ink, 1);
    text_at(c, px(0.5), HEIGHT - 16, 14, 0.5, x);
    cairo_save(c->cr);
    cairo_translate(c->cr, 24, py(0.5));
    cairo_rotate(c->cr, -M_PI / 2);
    text_at(c, 0, 0, 14, 0.5, y);
    cairo_restore(c->cr);
}

/* A grid line with its number. */
static void tick(struct chart *c, int axis, double at, const char *label)
{
    cairo_set_line_width(c->cr, 1);
    set_colour(c, &faint, 1);
    if (axis == AXIS_X) {
        cairo_move_to(c->cr, floor(px(at)) + 0.5, py(0));
        cairo_line_to(c->cr, floor(px(at)) + 0.5, py(1));
    } else {
        cairo_move_to(c->cr, px(0), floor(py(at)) + 0.5);
        cairo_line_to(c->cr, px(1), floor(py(at)) + 0.5);
    }
    cairo_stroke(c->cr);
    set_colour(c, &ink, 1);
    if (axis == AXIS_X)
        text_at(c, px(at), py(0) + 20, 13, 0.5, label);
    else
        text_at(c, px(0) - 10, py(at) + 4.5, 13, 1, label);
}

static void frame(struct chart *c)
{
    cairo_set_line_width(c->cr, 1);
    set_colour(c, &grey, 1);
    cairo_move_to(c->cr, px(0) - 0.5, py(1));
    cairo_line_to(c->cr, px(0) - 0.5, py(0) + 0.5);
    cairo_line_to(c->cr, px(1), py(0) + 0.5);
    cairo_stroke(c->cr);
}

/* A dot, or a ring for what is drawn in white. */
static void dot_at(struct chart *c, double x, double y, const struct colour *k, enum mark mark)
{
    cairo_new_path(c->cr);
    cairo_arc(c->cr, x, y, 5, 0, 2 * M_PI);
    if (mark == MARK_RING)
        cairo_set_source_rgb(c->cr, 1, 1, 1);
    else
        set_colour(c, k, 1);
    cairo_fill_preserve(c->cr);
    set_colour(c, k, 1);
    cairo_set_line_width(c->cr, 2);
    cairo_stroke(c->cr);
}

static void legend(struct chart *c, const struct colour *k, enum mark mark, const char *text)
{
    cairo_text_extents_t box;
    cairo_set_font_size(c->cr, 13);
    cairo_text_extents(c->cr, text, &box);
    if (c->legend_x > LEFT && c->legend_x + 26 + box.x_advance > WIDTH - RIGHT) {
        c->legend_x = LEFT;
        c->legend_y += LEGEND_ROW;
    }
    if (mark == MARK_LINE) {
        set_colour(c, k, 1);
        cairo_rectangle(c->cr, c->legend_x, c->legend_y - 7, 18, 5);
        cairo_fill(c->cr);
    } else {
        dot_at(c, c->legend_x + 9, c->legend_y - 4.5, k, mark);
    }
    set_colour(c, &ink, 1);
    text_at(c, c->legend_x + 24, c->legend_y, 13, 0, text);
    c->legend_x += 24 + box.x_advance + 26;
}

static enum err chart_close(struct chart *c, const char *folder, const char *name, struct error *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s.png", folder, name);
    cairo_status_t status = cairo_surface_write_to_png(c->surface, path);
    cairo_destroy(c->cr);
    cairo_surface_destroy(c->surface);
    if (status != CAIRO_STATUS_SUCCESS)
        return error_set(e, ERR_IO, "cannot write %.160s: %s", path,
                         cairo_status_to_string(status));
    return ERR_OK;
}

static void clip_to_frame(struct chart *c)
{
    cairo_save(c->cr);
    cairo_rectangle(c->cr, px(0), py(1) - 2, px(1) - px(0) + 2, py(0) - py(1) + 4);
    cairo_clip(c->cr);
    cairo_set_line_join(c->cr, CAIRO_LINE_JOIN_ROUND);
}

static void name_of(const struct eval_run *run, char text[static LABEL])
{
    snprintf(text, LABEL, "%.40s, %.40s", run->encoder, run->detector);
}

/* "lfw: 2,000 photos ..." under a title. */
static void describe(const struct eval_run *run, const char *what, char *text, size_t n)
{
    snprintf(text, n, "%s: %d photos of %d people; %zu pairs of one person, %zu of two", what,
             run->usable, run->people, run->n_genuine, run->n_impostor);
}

static void percent_label(double share, char text[static LABEL])
{
    snprintf(text, LABEL, "%g %%", share * 100);
}

/* The lowest power of ten of a FAR that the pairs can show. */
static double lowest_far(const struct eval_run *runs, int n)
{
    double lowest = -1;
    for (int i = 0; i < n; i++)
        if (runs[i].verified)
            lowest = fmin(lowest, floor(log10(runs[i].verification.curve[0].far) + 0.01));
    return fmax(lowest, -6);
}

static const struct eval_run *first_verified(const struct eval_run *runs, int n)
{
    for (int i = 0; i < n; i++)
        if (runs[i].verified)
            return &runs[i];
    return NULL;
}

static enum err plot_roc(const char *folder, const struct eval_run *runs, int n, struct error *e)
{
    struct chart c = {0};
    char text[256], label[LABEL];
    double left = lowest_far(runs, n), bottom = 1;
    for (int i = 0; i < n; i++)
        if (runs[i].verified)
            bottom = fmin(bottom, runs[i].verification.curve[0].tar);
    double step = bottom > 0.9 ? 0.01 : bottom > 0.75 ? 0.05 : 0.1;
    bottom = fmax(0, step * floor(bottom / step - 0.01));
    describe(first_verified(runs, n), "Verification", text, sizeof text);
    chart_open(&c, "How many pairs of one person are accepted (ROC)", text);
    for (int p = (int)left; p <= 0; p++) {
        percent_label(pow(10, p), label);
        tick(&c, AXIS_X, (p - left) / -left, label);
    }
    for (double y = bottom; y < 1 + step / 2; y += step) {
        percent_label(y, label);
        tick(&c, AXIS_Y, (y - bottom) / (1 - bottom), label);
    }
    axis_titles(&c, "pairs of two people wrongly accepted (FAR)",
                "accepted pairs of one person (TAR)");
    clip_to_frame(&c);
    cairo_set_line_width(c.cr, 2.4);
    for (int i = n - 1; i >= 0; i--) {
        const struct eval_verification *v = &runs[i].verification;
        for (int k = 0; k < v->n_curve; k++)
            cairo_line_to(c.cr, px((log10(v->curve[k].far) - left) / -left),
                          py((v->curve[k].tar - bottom) / (1 - bottom)));
        set_colour(&c, &palette[i], 1);
        cairo_stroke(c.cr);
    }
    cairo_restore(c.cr);
    frame(&c);
    for (int i = 0; i < n; i++) {
        name_of(&runs[i], label);
        legend(&c, &palette[i], MARK_LINE, label);
    }
    return chart_close(&c, folder, "roc", e);
}

/* The standard normal's quantile, by bisection: drawing needs no more. */
static double probit(double p)
{
    double low = -8, high = 8;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        *(erfc(-middle / M_SQRT2) / 2 < p ? &low : &high) = middle;
    }
    return (low + high) / 2;
}

static double deviate(double share, double lowest, double highest)
{
    share = fmin(fmax(share, 1e-9), 1 - 1e-9);
    return (probit(share) - probit(lowest)) / (probit(highest) - probit(lowest));
}

static enum err plot_det(const char *folder, const struct eval_run *runs, int n, struct error *e)
{
    static const double marks[] = {1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4};
    const double high = 0.4, low_y = 1e-3;
    struct chart c = {0};
    char text[256], label[LABEL];
    double low_x = pow(10, lowest_far(runs, n));
    describe(first_verified(runs, n), "Verification", text, sizeof text);
    chart_open(&c, "The two errors against each other (DET; lower left is better)", text);
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        percent_label(marks[i], label);
        if (marks[i] > low_x * 0.999)
            tick(&c, AXIS_X, deviate(marks[i], low_x, high), label);
        if (marks[i] > low_y * 0.999)
            tick(&c, AXIS_Y, deviate(marks[i], low_y, high), label);
    }
    axis_titles(&c, "pairs of two people wrongly accepted (FAR)",
                "pairs of one person wrongly refused (FRR)");
    clip_to_frame(&c);
    set_colour(&c, &grey, 0.6);
    cairo_set_line_width(c.cr, 1);
    for (double share = low_x; share < high; share *= 1.2)
        cairo_line_to(c.cr, px(deviate(share, low_x, high)), py(deviate(share, low_y, high)));
    cairo_stroke(c.cr);
    cairo_set_line_width(c.cr, 2.4);
    for (int i = n - 1; i >= 0; i--) {
        const struct eval_verification *v = &runs[i].verification;
        for (int k = 0; k < v->n_curve; k++)
            cairo_line_to(c.cr, px(deviate(v->curve[k].far, low_x, high)),
                          py(deviate(1 - v->curve[k].tar, low_y, high)));
        set_colour(&c, &palette[i], 1);
        cairo_stroke(c.cr);
    }
    cairo_restore(c.cr);
    frame(&c);
    for (int i = 0; i < n; i++) {
        name_of(&runs[i], label);
        legend(&c, &palette[i], MARK_LINE, label);
    }
    legend(&c, &grey, MARK_LINE, "both errors equal");
    return chart_close(&c, folder, "det", e);
}

/* One class as a filled outline; shares are relative to `most`. */
static void area(struct chart *c, const double *bins, double most, const struct colour *k)
{
    cairo_move_to(c->cr, px(0), py(0));
    for (int i = 0; i < EVAL_BINS; i++) {
        cairo_line_to(c->cr, px((double)i / EVAL_BINS), py(bins[i] / most * BAR_SHARE));
        cairo_line_to(c->cr, px((i + 1.0) / EVAL_BINS), py(bins[i] / most * BAR_SHARE));
    }
    cairo_line_to(c->cr, px(1), py(0));
    set_colour(c, k, 0.45);
    cairo_fill_preserve(c->cr);
    set_colour(c, k, 1);
    cairo_set_line_width(c->cr, 1.4);
    cairo_stroke(c->cr);
}

/* The threshold of each FAR as an upright line with its name, one below the other. */
static void thresholds(struct chart *c, const struct eval_verification *v)
{
    const double dashes[] = {5, 4};
    for (int k = 0; k < EVAL_FAR_N; k++) {
        char label[LABEL];
        double x = (v->threshold[k] - (double)v->bins_low) / (double)(v->bins_high - v->bins_low);
        set_colour(c, &ink, 1);
        cairo_set_dash(c->cr, dashes, 2, 0);
        cairo_set_line_width(c->cr, 1.4);
        cairo_move_to(c->cr, px(x), py(0));
        cairo_line_to(c->cr, px(x), py(1) + 12 + 24 * k);
        cairo_stroke(c->cr);
        cairo_set_dash(c->cr, NULL, 0, 0);
        snprintf(label, sizeof label, "FAR %g %%: score %.3f", eval_fars[k] * 100, v->threshold[k]);
        text_at(c, px(x) + 5, py(1) + 22 + 24 * k, 13, 0, label);
    }
}

static enum err plot_scores(const char *folder, const struct eval_run *run, struct error *e)
{
    const struct eval_verification *v = &run->verification;
    struct chart c = {0};
    char text[256], label[LABEL], name[LABEL + 16];
    double most = 0, low = (double)v->bins_low, span = (double)(v->bins_high - v->bins_low);
    for (int i = 0; i < EVAL_BINS; i++)
        most = fmax(most, fmax(v->genuine_bins[i], v->impostor_bins[i]));
    name_of(run, label);
    describe(run, label, text, sizeof text);
    chart_open(&c, "How alike two photos score", text);
    for (double s = 0.2 * ceil(low / 0.2); s <= low + span + 1e-6; s += 0.2) {
        snprintf(label, sizeof label, "%.1f", fabs(s) < 1e-9 ? 0.0 : s);
        tick(&c, AXIS_X, (s - low) / span, label);
    }
    double step = most > 0.08 ? 0.02 : 0.01;
    for (double y = 0; y / most * BAR_SHARE < 1; y += step) {
        percent_label(y, label);
        tick(&c, AXIS_Y, y / most * BAR_SHARE, label);
    }
    snprintf(label, sizeof label, "share of the pairs, each bar %.3f wide", span / EVAL_BINS);
    axis_titles(&c, "score (cosine)", label);
    area(&c, v->impostor_bins, most, &palette[1]);
    area(&c, v->genuine_bins, most, &palette[0]);
    thresholds(&c, v);
    frame(&c);
    legend(&c, &palette[1], MARK_LINE, "two people");
    legend(&c, &palette[0], MARK_LINE, "one person");
    snprintf(name, sizeof name, "scores-%.40s-%.40s", run->detector, run->encoder);
    return chart_close(&c, folder, name, e);
}

static void whisker(struct chart *c, double x, const struct eval_interval *i, double bottom,
                    const struct colour *k, enum mark mark)
{
    double low = (i->low - bottom) / (1 - bottom), high = (i->high - bottom) / (1 - bottom);
    set_colour(c, k, 1);
    cairo_set_line_width(c->cr, 2);
    cairo_move_to(c->cr, px(x), py(low));
    cairo_line_to(c->cr, px(x), py(high));
    cairo_stroke(c->cr);
    dot_at(c, px(x), py((i->mean - bottom) / (1 - bottom)), k, mark);
}

/* Where the y axis of the identification plot begins. */
static double lowest_tpir(const struct eval_run *run)
{
    double lowest = 1;
    for (int i = 0; i < run->n_ident; i++)
        for (int k = 0; k < EVAL_FPIR_N; k++)
            if (!run->ident[i].why_not[0] && !isnan(run->ident[i].tpir[k].mean))
                lowest = fmin(lowest, run->ident[i].tpir[k].low);
    return fmax(0, 0.1 * floor(lowest * 10 - 0.01));
}

/* Groups of people, one whisker for each FPIR and template. */
static void identification_groups(struct chart *c, const struct eval_run *run, double bottom)
{
    int sizes = run->n_ident / EVAL_SHOTS_N;
    for (int i = 0; i < run->n_ident; i++) {
        const struct eval_ident_row *r = &run->ident[i];
        int shots = i / sizes, group = i % sizes;
        char label[LABEL];
        double middle = (group + 0.5) / sizes;
        snprintf(label, sizeof label, "%d", r->people);
        set_colour(c, &ink, 1);
        if (shots == 0)
            text_at(c, px(middle), py(0) + 20, 13, 0.5, label);
        for (int k = 0; k < EVAL_FPIR_N; k++)
            if (!r->why_not[0] && !isnan(r->tpir[k].mean))
                whisker(c, middle + ((shots - 0.5) * 3.6 + (k - 1)) * 0.11 / sizes, &r->tpir[k],
                        bottom, &palette[k], shots ? MARK_DOT : MARK_RING);
    }
}

static enum err plot_identification(const char *folder, const struct eval_run *run, struct error *e)
{
    struct chart c = {0};
    char text[256], label[LABEL], name[LABEL + 32];
    double bottom = lowest_tpir(run);
    snprintf(
        text, sizeof text,
        "%.40s, %.40s: %d photos of %d people; dot: mean of %d random galleries, line: 95 %% of "
        "them",
        run->encoder, run->detector, run->usable, run->people, run->ident[0].splits);
    chart_open(&c, "Photos that get their own name among N people", text);
    for (double y = bottom; y<1.01; y += bottom> 0.75 ? 0.05 : 0.1) {
        percent_label(round(y * 100) / 100, label);
        tick(&c, AXIS_Y, (y - bottom) / (1 - bottom), label);
    }
    axis_titles(&c, "people in the gallery", "photos that get their own name (TPIR)");
    identification_groups(&c, run, bottom);
    frame(&c);
    for (int k = 0; k < EVAL_FPIR_N; k++) {
        snprintf(label, sizeof label, "%g %% of strangers named", eval_fpirs[k] * 100);
        legend(&c, &palette[k], MARK_LINE, label);
    }
    legend(&c, &ink, MARK_RING, "one enrolment photo");
    legend(&c, &ink, MARK_DOT, "three enrolment photos");
    snprintf(name, sizeof name, "identification-%.40s-%.40s", run->detector, run->encoder);
    return chart_close(&c, folder, name, e);
}

enum err eval_plot(const char *folder, const struct eval_run *runs, int n, struct error *e)
{
    enum err r = file_mkdirs(folder, e);
    if (!r && first_verified(runs, n)) {
        r = plot_roc(folder, runs, n, e);
        if (!r)
            r = plot_det(folder, runs, n, e);
    }
    for (int i = 0; i < n && !r; i++) {
        if (runs[i].verified)
            r = plot_scores(folder, &runs[i], e);
        if (!r && runs[i].n_ident > 0)
            r = plot_identification(folder, &runs[i], e);
    }
    return r;
}
