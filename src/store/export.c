/* Everything held on one student: see export.h. SQL in sql/export.sql. Constant tables; a row at a
 * time. What is about other people (whom the student looks like, from which address staff worked)
 * is left out by the queries; face patterns are left out because a printed one would let others
 * find the face (docs/privacy.md). */
#include "store/export.h"

#define COLUMNS(name) static const struct export_column name[]

COLUMNS(person) = {{"id", EXPORT_TEXT},        {"external_id", EXPORT_TEXT},
                   {"name", EXPORT_TEXT},      {"email", EXPORT_TEXT},
                   {"status", EXPORT_TEXT},    {"created_at", EXPORT_TIME},
                   {"updated_at", EXPORT_TIME}};
COLUMNS(account) = {{"login", EXPORT_TEXT},
                    {"name", EXPORT_TEXT},
                    {"role", EXPORT_TEXT},
                    {"disabled", EXPORT_FLAG},
                    {"created_at", EXPORT_TIME}};
COLUMNS(consents) = {{"id", EXPORT_TEXT},           {"purpose", EXPORT_TEXT},
                     {"text_version", EXPORT_TEXT}, {"given_at", EXPORT_TIME},
                     {"expires_at", EXPORT_TIME},   {"withdrawn_at", EXPORT_TIME},
                     {"replaced_by", EXPORT_TEXT},  {"recorded_by", EXPORT_TEXT}};
COLUMNS(templates) = {{"id", EXPORT_TEXT},
                      {"consent_id", EXPORT_TEXT},
                      {"encoder", EXPORT_TEXT},
                      {"preprocessing", EXPORT_TEXT},
                      {"model_precision", EXPORT_TEXT},
                      {"model_sha256", EXPORT_TEXT},
                      {"quality", EXPORT_REAL},
                      {"source", EXPORT_TEXT},
                      {"created_at", EXPORT_TIME}};
COLUMNS(kept_photos) = {
    {"id", EXPORT_TEXT}, {"created_at", EXPORT_TIME}, {"kept_until", EXPORT_TIME}};
COLUMNS(rosters) = {{"code", EXPORT_TEXT},
                    {"title", EXPORT_TEXT},
                    {"term", EXPORT_TEXT},
                    {"valid_from", EXPORT_TIME},
                    {"valid_to", EXPORT_TIME}};
COLUMNS(marks) = {
    {"session_id", EXPORT_TEXT},    {"code", EXPORT_TEXT},          {"title", EXPORT_TEXT},
    {"session_title", EXPORT_TEXT}, {"planned_start", EXPORT_TIME}, {"started_at", EXPORT_TIME},
    {"ended_at", EXPORT_TIME},      {"status", EXPORT_TEXT},        {"source", EXPORT_TEXT},
    {"frame", EXPORT_TEXT},         {"first_seen", EXPORT_TIME},    {"last_seen", EXPORT_TIME},
    {"disputed_at", EXPORT_TIME},   {"receipt", EXPORT_JSON},       {"created_at", EXPORT_TIME}};
COLUMNS(presence) = {{"session_id", EXPORT_TEXT},
                     {"minute", EXPORT_INT},
                     {"sightings", EXPORT_INT},
                     {"best_score", EXPORT_REAL}};
COLUMNS(totals) = {{"code", EXPORT_TEXT},   {"title", EXPORT_TEXT}, {"term", EXPORT_TEXT},
                   {"present", EXPORT_INT}, {"late", EXPORT_INT},   {"left_early", EXPORT_INT},
                   {"absent", EXPORT_INT},  {"excused", EXPORT_INT}};
COLUMNS(register_events) = {{"chain", EXPORT_TEXT}, {"seq", EXPORT_INT},      {"at", EXPORT_TIME},
                            {"actor", EXPORT_TEXT}, {"payload", EXPORT_JSON}, {"hash", EXPORT_HEX}};
COLUMNS(look_alikes) = {
    {"id", EXPORT_TEXT},    {"encoder", EXPORT_TEXT},    {"preprocessing", EXPORT_TEXT},
    {"score", EXPORT_REAL}, {"created_at", EXPORT_TIME}, {"updated_at", EXPORT_TIME}};
COLUMNS(jobs) = {{"id", EXPORT_TEXT},      {"kind", EXPORT_TEXT},       {"state", EXPORT_TEXT},
                 {"error", EXPORT_TEXT},   {"created_at", EXPORT_TIME}, {"updated_at", EXPORT_TIME},
                 {"position", EXPORT_INT}, {"name", EXPORT_TEXT},       {"verdict", EXPORT_TEXT},
                 {"detail", EXPORT_TEXT},  {"quality", EXPORT_REAL}};
COLUMNS(differences) = {{"lost", EXPORT_INT},          {"gained", EXPORT_INT},
                        {"other", EXPORT_INT},         {"active_score", EXPORT_REAL},
                        {"shadow_score", EXPORT_REAL}, {"last_seen", EXPORT_TIME}};
COLUMNS(audit) = {{"at", EXPORT_TIME},     {"actor", EXPORT_TEXT}, {"actor_kind", EXPORT_TEXT},
                  {"action", EXPORT_TEXT}, {"status", EXPORT_INT}, {"detail", EXPORT_JSON}};

COLUMNS(references) = {
    {"system", EXPORT_TEXT}, {"external", EXPORT_TEXT}, {"created_at", EXPORT_TIME}};
COLUMNS(erasures) = {{"id", EXPORT_TEXT},        {"scope", EXPORT_TEXT},
                     {"reason", EXPORT_TEXT},    {"at", EXPORT_TIME},
                     {"statement", EXPORT_TEXT}, {"signature", EXPORT_TEXT},
                     {"public_key", EXPORT_TEXT}};

#define SECTION(name, about, query, columns)                                                       \
    {                                                                                              \
        name, about, query, columns, ARRAY_LEN(columns)                                            \
    }
const struct export_section export_sections[] = {
    SECTION("person", "Who you are here.", Q_EXPORT_PERSON, person),
    SECTION("account", "What you sign in with; your password is kept as a hash only.",
            Q_EXPORT_ACCOUNT, account),
    SECTION("references", "How other systems of your institution name you.", Q_EXPORT_REFERENCES,
            references),
    SECTION("erasures", "Receipts of what was erased.", Q_EXPORT_ERASURES, erasures),
    SECTION("consents", "What you agreed to.", Q_EXPORT_CONSENTS, consents),
    SECTION("templates",
            "What is known of each photo behind your face pattern. The numbers of the pattern are "
            "not in this copy: whoever had them could look for your face.",
            Q_EXPORT_TEMPLATES, templates),
    SECTION("kept_photos", "Photos that are kept with your consent; ask for the pictures.",
            Q_EXPORT_KEPT_PHOTOS, kept_photos),
    SECTION("rosters", "Courses you were or are enrolled in.", Q_EXPORT_ROSTERS, rosters),
    SECTION("marks", "Your attendance, and the evidence (receipt) of each mark.", Q_EXPORT_MARKS,
            marks),
    SECTION("presence", "Minutes of sessions in which a camera saw you.", Q_EXPORT_PRESENCE,
            presence),
    SECTION("totals", "Your marks, counted.", Q_EXPORT_TOTALS, totals),
    SECTION("register", "The events behind your marks, as they are chained.", Q_EXPORT_REGISTER,
            register_events),
    SECTION("look_alikes",
            "That somebody here looks like you, and how much; not who: that is about them.",
            Q_EXPORT_LOOK_ALIKES, look_alikes),
    SECTION("jobs", "Photos sent to enrol you, and what became of each.", Q_EXPORT_JOBS, jobs),
    SECTION("differences", "How another recognition engine on trial judged you.",
            Q_EXPORT_DIFFERENCES, differences),
    SECTION("audit", "Who did what to your data.", Q_EXPORT_AUDIT, audit),
};
const int export_sections_n = ARRAY_LEN(export_sections);

enum err export_each(struct db_cx *cx, const struct export_section *section,
                     struct student_id student, export_row_fn fn, void *ctx, struct error *e)
{
    const struct db_value args[] = {db_text(student.text)};
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    enum err r = db_query(cx, section->query, args, 1, &rows, e);
    for (;;) {
        bool has = false;
        if (!r)
            r = db_next(rows, &has, e);
        if (r || !has)
            return r;
        r = fn(ctx, section, rows, e);
    }
}
