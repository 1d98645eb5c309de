/* Text tables and JSON of an evaluation: see eval_report.h. Thread: main; no state. */
#include "cmd/eval_report.h"

#include "base/file.h"

#include <jansson.h>
#include <math.h>

enum { CELL = 32, JSON_DIGITS = 9 };

static const char *const state_keys[EVAL_STATE_N] = {[EVAL_OK] = "usable",
                                                     [EVAL_NO_FACE] = "without_face",
                                                     [EVAL_FLAWED] = "refused",
                                                     [EVAL_UNREADABLE] = "unreadable"};

static void print_set(FILE *out, const struct eval_run *run)
{
    fprintf(out, "\nMeasured with detector %s, encoder %s (%d numbers, sha256 %.12s),\n",
            run->detector, run->encoder, run->dim, run->sha256);
    fprintf(out,
            "preprocessing %s, device %s, precision %s, detection at %d px, confidence %.2f,\n",
            run->preprocessing, run->device, run->precision, run->long_side, run->min_confidence);
    fprintf(out,
            "on %d photos: %d usable of %d people, %d without a face, %d unreadable, %d refused",
            run->photos, run->usable, run->people, run->counts[EVAL_NO_FACE],
            run->counts[EVAL_UNREADABLE], run->counts[EVAL_FLAWED]);
    const char *before = " (";
    for (int f = 0; f < FACE_FLAW_N; f++) {
        if (run->flaws[f] == 0)
            continue;
        fprintf(out, "%s%s %d", before, face_flaw_name((enum face_flaw)f), run->flaws[f]);
        before = ", ";
    }
    fprintf(out, "%s\n", before[0] == ',' ? ")" : "");
    if (run->covered)
        fprintf(out, "of the usable ones enrolment would refuse %d as occluded\n", run->covered);
}

/* ".973 [.964 .982]", or "-". */
static const char *cell(char text[static CELL], const struct eval_interval *i, int digits)
{
    if (isnan(i->mean))
        snprintf(text, CELL, "-");
    else
        snprintf(text, CELL, "%.*f [%.*f %.*f]", digits, i->mean, digits, i->low, digits, i->high);
    return text;
}

static void print_verification(FILE *out, const struct eval_run *run)
{
    char text[CELL];
    const struct eval_verification *v = &run->verification;
    fprintf(out, "\nVerification: two photos, one person or two?   [95 %% interval]\n");
    if (!run->verified) {
        fprintf(out, "  not measured: it needs pairs of one person and of two\n");
        return;
    }
    fprintf(out, "  %zu pairs of one person, %zu of two, from %s", run->n_genuine, run->n_impostor,
            run->pairs_file ? run->pairs_file : "all photos");
    if (run->pairs_left_out)
        fprintf(out, "; %lld left out (no usable photo)", (long long)run->pairs_left_out);
    if (run->pairs_stride > 1)
        fprintf(out, "; every %lld. pair of two people", (long long)run->pairs_stride);
    fprintf(out, "\n  %-28s %s  (%d folds%s)\n", run->pairs_file ? "accuracy" : "balanced accuracy",
            cell(text, &v->accuracy, 4), run->folds, run->pairs_file ? "" : ", no person in two");
    fprintf(out, "  %-28s %s\n", "equal error rate", cell(text, &v->eer, 4));
    for (int k = 0; k < EVAL_FAR_N; k++) {
        fprintf(out, "  TAR at FAR %-17g %s", eval_fars[k], cell(text, &v->tar[k], 4));
        if (isfinite(v->threshold[k]))
            fprintf(out, "  threshold %.3f", v->threshold[k]);
        putc('\n', out);
    }
}

static void print_ident_row(FILE *out, const struct eval_ident_row *r)
{
    fprintf(out, "  %6d %6d ", r->people, r->shots);
    if (r->why_not[0]) {
        fprintf(out, "not measured: %s\n", r->why_not);
        return;
    }
    fprintf(out, "%9d ", r->strangers);
    for (int k = 0; k < EVAL_FPIR_N; k++) {
        char text[CELL];
        fprintf(out, " %-21s", cell(text, &r->tpir[k], 3));
    }
    fputc('\n', out);
}

static void print_identification(FILE *out, const struct eval_run *run)
{
    fprintf(out,
            "\nIdentification: share of photos that get their own name (TPIR = 1 - FNIR) when "
            "strangers\nget a name in FPIR of theirs; mean over %d random galleries [where 95 "
            "%% of them lie]\n",
            run->n_ident ? run->ident[0].splits : 0);
    fprintf(out, "  %6s %6s %9s  %-21s %-21s %-21s\n", "people", "photos", "strangers",
            "TPIR at FPIR 1 %", "at 0.3 %", "at 0.1 %");
    for (int i = 0; i < run->n_ident; i++)
        print_ident_row(out, &run->ident[i]);
    if (run->augment)
        fprintf(out, "  with the one photo augmented (%s):\n", run->augment);
    for (int i = 0; i < run->n_augmented; i++)
        print_ident_row(out, &run->augmented[i]);
}

static void percent(char text[static CELL], const struct eval_interval *i)
{
    const struct eval_interval p = {i->mean * 100, i->low * 100, i->high * 100};
    cell(text, &p, 2);
}

/* The tables as attendance/fmr_tables.c wants them, and what they rest on. */
static void print_tables(FILE *out, const struct eval_run *run)
{
    static const char *const kinds[SCORE_KIND_N] = {
        [SCORE_COSINE] = "SCORE_COSINE", [SCORE_HUB] = "SCORE_HUB"};
    fprintf(out, "\n  False-match tables, all people: log10 FMR = c0 + c1 s + c2 s^2\n");
    for (int k = 0; k < EVAL_SHOTS_N; k++) {
        const struct eval_table *t = &run->table[k];
        if (!run->has_table[k]) {
            fprintf(out, "  templates of %d: none, too few people\n", eval_shots[k]);
            continue;
        }
        fprintf(out, "    {\"%s\", \"%s\", %s, %d, %.4f, %.4f, %.4f},\n", run->encoder,
                run->preprocessing, kinds[run->kind], eval_shots[k], t->curve.c0, t->curve.c1,
                t->curve.c2);
        fprintf(out, "      FMR 1e-2 to %.0e: %lld scores of %lld pairs of people, %d templates\n",
                t->curve.lowest_fmr, (long long)t->comparisons, (long long)t->pairs, t->people);
    }
}

static void print_budget(FILE *out, const struct eval_run *run)
{
    fprintf(out,
            "\nRisk budget of %g %%: strangers who got a name, in %%; mean over splits of the "
            "people into halves\n[where 95 %% of the splits lie]\n",
            run->budget_rate * 100);
    fprintf(out, "  %6s %6s  %-32s %s\n", "people", "photos", "threshold that is shipped",
            "threshold fitted on the other half");
    for (int i = 0; i < run->n_budget; i++) {
        const struct eval_budget_row *r = &run->budget[i];
        char shipped[CELL], fitted[CELL], score[CELL] = "none";
        percent(shipped, &r->fpir);
        percent(fitted, &r->fitted_fpir);
        if (!isnan(r->threshold))
            snprintf(score, sizeof score, "%.3f", r->threshold);
        fprintf(out, "  %6d %6d  %-6s %-25s ", r->people, r->shots, score, shipped);
        if (isnan(r->fitted_score.mean))
            fprintf(out, "-\n");
        else
            fprintf(out, "%.3f  %s\n", r->fitted_score.mean, fitted);
    }
    print_tables(out, run);
}

void eval_report_print(FILE *out, const struct eval_run *run)
{
    print_set(out, run);
    fprintf(out, "scores: %s\n",
            run->kind == SCORE_HUB ? "cosine less the template's h (hub correction)" : "cosine");
    if (run->kind == SCORE_COSINE && !run->table_only)
        print_verification(out, run);
    if (!run->table_only)
        print_identification(out, run);
    print_budget(out, run);
}

static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t *interval(const struct eval_interval *i)
{
    return json_pack("{so so so}", "mean", number(i->mean), "low", number(i->low), "high",
                     number(i->high));
}

static json_t *set_json(const struct eval_run *run)
{
    json_t *refused = json_object();
    for (int f = 0; f < FACE_FLAW_N; f++)
        if (run->flaws[f])
            json_object_set_new(refused, face_flaw_name((enum face_flaw)f),
                                json_integer(run->flaws[f]));
    json_t *set = json_pack("{si si so si}", "photos", run->photos, "people", run->people,
                            "refused_because", refused, "occluded", run->covered);
    for (int s = 0; set && s < EVAL_STATE_N; s++)
        json_object_set_new(set, state_keys[s], json_integer(run->counts[s]));
    return set;
}

static json_t *curve_json(const struct eval_verification *v)
{
    json_t *curve = json_array();
    for (int i = 0; i < v->n_curve; i++)
        json_array_append_new(curve, json_pack("[f f]", v->curve[i].far, v->curve[i].tar));
    return curve;
}

static json_t *verification_json(const struct eval_run *run)
{
    const struct eval_verification *v = &run->verification;
    json_t *tars = json_array();
    if (!run->verified) {
        json_decref(tars);
        return json_null();
    }
    for (int k = 0; k < EVAL_FAR_N; k++)
        json_array_append_new(tars, json_pack("{sf so so}", "far", eval_fars[k], "tar",
                                              interval(&v->tar[k]), "threshold",
                                              number(v->threshold[k])));
    return json_pack("{ss? sI sI sI sI si sb so so so so so}", "pairs_file", run->pairs_file,
                     "genuine", (json_int_t)run->n_genuine, "impostor", (json_int_t)run->n_impostor,
                     "left_out", (json_int_t)run->pairs_left_out, "stride",
                     (json_int_t)run->pairs_stride, "folds", run->folds, "accuracy_is_balanced",
                     run->pairs_file == NULL, "accuracy", interval(&v->accuracy), "accuracy_sd",
                     number(v->accuracy_sd), "eer", interval(&v->eer), "tar_at_far", tars, "roc",
                     curve_json(v));
}

static json_t *ident_json(const struct eval_ident_row *r)
{
    json_t *rates = json_array();
    if (r->why_not[0]) {
        json_decref(rates);
        return json_pack("{si si ss}", "people", r->people, "photos", r->shots, "not_measured",
                         r->why_not);
    }
    for (int k = 0; k < EVAL_FPIR_N; k++) {
        const struct eval_interval *t = &r->tpir[k];
        const struct eval_interval fnir = {1 - t->mean, 1 - t->high, 1 - t->low};
        json_array_append_new(rates, json_pack("{sf so so so}", "fpir", eval_fpirs[k], "tpir",
                                               interval(t), "fnir", interval(&fnir), "threshold",
                                               interval(&r->threshold[k])));
    }
    return json_pack("{si si si si si si so so}", "people", r->people, "photos", r->shots, "splits",
                     r->splits, "probes", r->probes, "strangers", r->strangers, "sightings",
                     r->sightings, "rank1", interval(&r->rank1), "rates", rates);
}

static json_t *budget_json(const struct eval_run *run, const struct eval_budget_row *r)
{
    return json_pack("{si si sf si so so so so}", "people", r->people, "photos", r->shots, "budget",
                     run->budget_rate, "splits", r->splits, "threshold", number(r->threshold),
                     "fpir", interval(&r->fpir), "fitted_threshold", interval(&r->fitted_score),
                     "fitted_fpir", interval(&r->fitted_fpir));
}

static json_t *table_json(const struct eval_run *run, int k)
{
    const struct eval_table *t = &run->table[k];
    return json_pack("{si ss sf sf sf sf sI sI si}", "photos", eval_shots[k], "score",
                     score_kind_name(run->kind), "c0", t->curve.c0, "c1", t->curve.c1, "c2",
                     t->curve.c2, "lowest_fmr", t->curve.lowest_fmr, "pairs", (json_int_t)t->pairs,
                     "comparisons", (json_int_t)t->comparisons, "people", t->people);
}

static json_t *augmented_json(const struct eval_run *run)
{
    if (!run->augment)
        return json_null();
    json_t *rows = json_array();
    for (int i = 0; i < run->n_augmented; i++)
        json_array_append_new(rows, ident_json(&run->augmented[i]));
    return json_pack("{ss so}", "kinds", run->augment, "identification", rows);
}

static json_t *run_json(const struct eval_run *run)
{
    json_t *ident = json_array(), *budget = json_array(), *tables = json_array();
    for (int i = 0; i < run->n_ident; i++)
        json_array_append_new(ident, ident_json(&run->ident[i]));
    for (int i = 0; i < run->n_budget; i++)
        json_array_append_new(budget, budget_json(run, &run->budget[i]));
    for (int k = 0; k < EVAL_SHOTS_N; k++)
        if (run->has_table[k])
            json_array_append_new(tables, table_json(run, k));
    return json_pack("{ss ss ss ss ss ss ss si si sf so so so so so so}", "score",
                     score_kind_name(run->kind), "detector", run->detector, "encoder", run->encoder,
                     "preprocessing", run->preprocessing, "device", run->device, "precision",
                     run->precision, "encoder_sha256", run->sha256, "detector_long_side",
                     run->long_side, "face_min_px", run->min_face_px, "min_confidence",
                     run->min_confidence, "measured_on", set_json(run), "verification",
                     verification_json(run), "identification", ident, "risk_budget", budget,
                     "augmented", augmented_json(run), "fmr_tables", tables);
}

enum err eval_report_json(const char *path, const char *folder, const struct eval_run *runs, int n,
                          struct error *e)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, run_json(&runs[i]));
    json_t *root =
        json_pack("{ss ss so}", "rollcall", ROLLCALL_VERSION, "folder", folder, "runs", list);
    char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(JSON_DIGITS)) : NULL;
    json_decref(root);
    if (!text)
        return error_set(e, ERR_NOMEM, "the results are no valid text or memory is out");
    enum err r = file_write(path, str_from(text), 0644, e);
    free(text);
    return r;
}
