/* Hub correction: how near a template is to everybody, and taking that off its scores.
 *
 * Some templates are near every face and make most false names. h of a template is the mean of its
 * highest cosines (1 in GALLERY_HUB_SHARE) to the templates of a cohort of other students; the
 * corrected score of a probe is cosine - h. The cohort is a fixed sample of the gallery: the
 * students with the lowest hash of their id, GALLERY_COHORT_MAX at most, so a new template costs
 * one pass over the cohort and touches no other h.
 * A cohort is immutable and reference counted. Thread: any. */
#pragma once

#include "gallery/gallery.h"

struct hub_cohort;

/* The cohort of entries [n], each of another student; copies the vectors, which are wiped with the
 * last reference. Errors NOMEM, UNAVAILABLE (FAISS). */
NODISCARD enum err hub_cohort_new(int dim, const struct gallery_entry *const *entries, size_t n,
                                  struct hub_cohort **ret_cohort, struct error *e);
struct hub_cohort *hub_cohort_ref(struct hub_cohort *c);
/* NULL is fine. */
void hub_cohort_unref(struct hub_cohort *c);
/* h of each of n templates, without what the same student has in the cohort. ret_hubs [n].
 * Errors NOMEM, UNAVAILABLE. */
NODISCARD enum err hub_cohort_measure(const struct hub_cohort *c,
                                      const struct gallery_entry *const *entries, size_t n,
                                      float *ret_hubs, struct error *e);
