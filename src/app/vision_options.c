/* From the configuration to the engine: the one place that knows which option is which field.
 * Any thread; looks whether the models of liveness are there. */
#include "app/vision_options.h"

#include "vision/liveness.h"

void app_vision_options(const struct config *c, struct vision_options *ret_options)
{
    /* Asked for and missing is an error of the start (liveness_choose), not of this. */
    enum liveness_policy policy = LIVENESS_OFF;
    struct error ignored;
    if (liveness_choose(config_text(c, OPTION_liveness), config_models_dir(c), &policy, &ignored))
        policy = LIVENESS_OFF;
    *ret_options = (struct vision_options){.models_dir = config_models_dir(c),
                                           .detector = config_text(c, OPTION_detector),
                                           .encoder = c->encoder,
                                           .flip = c->flip,
                                           .min_confidence = c->detector_min_confidence,
                                           .min_face_px = (int)c->face_min_px,
                                           .detector_long_side = (int)c->detector_long_side,
                                           .contrast = config_text(c, OPTION_contrast),
                                           .mtcnn_min_face_px = (int)c->mtcnn_min_face_px,
                                           .threads = (int)c->inference_threads,
                                           .batch_max = (int)c->batch_faces_max,
                                           .device = config_text(c, OPTION_device),
                                           .precision = config_text(c, OPTION_precision),
                                           .callers = config_workers(c),
                                           .liveness = policy != LIVENESS_OFF};
}
