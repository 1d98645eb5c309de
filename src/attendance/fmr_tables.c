/* The false-match tables that are shipped: see threshold.h. Plain data, any thread.
 *
 * Measured on lfw-dev, half of Labeled Faces in the Wild (docs/recognition.md), with photos of
 * people against the templates of others. A template of one photo has its own curve: the table of
 * pairs used for means of three is 1.3 to 2 times over budget. The preprocessing id names the
 * detector too, because another detector gives another crop. A row is changed only together with
 * fmr_tables_version, by the command
 *
 *     ROLLCALL_CONTRAST=off rollcall eval LFW --table --hub --same tools/lfw_same_people.txt \
 *         --detector DETECTOR --encoder ENCODER --device cpu --precision fp32
 *
 * which prints the rows in this form and how well they keep a risk budget on people they have not
 * seen. The comment before each pair says DETECTOR ENCODER. */
#include "attendance/threshold.h"

const char fmr_tables_version[] = "shipped-2";

const struct fmr_table fmr_tables[] = {
    /* These four pairs: earlier fits by the same rules (the first and the last on all of LFW);
     * their thresholds are within .03 of what the command prints now, and they keep the budget. */
    /* yunet facenet128 */
    {"facenet128", "rot115x105w", SCORE_COSINE, 1, -1.1106, 0.9797, -9.8840},
    {"facenet128", "rot115x105w", SCORE_COSINE, 3, -1.5415, 2.6517, -11.0306},
    /* retinaface facenet128 */
    {"facenet128", "rot115x097w-retinaface", SCORE_COSINE, 1, -0.9260, 0.6186, -9.9807},
    {"facenet128", "rot115x097w-retinaface", SCORE_COSINE, 3, -1.3197, 1.9558, -10.5617},
    /* mtcnn facenet128 */
    {"facenet128", "rot120x097w-mtcnn", SCORE_COSINE, 1, -1.1809, 1.7690, -10.9945},
    {"facenet128", "rot120x097w-mtcnn", SCORE_COSINE, 3, -0.9024, 0.4536, -9.0659},
    /* yunet omz0095 */
    {"omz0095", "points5", SCORE_COSINE, 1, -0.4675, -3.9597, -10.5357},
    {"omz0095", "points5", SCORE_COSINE, 3, -0.7783, -2.2099, -11.6452},

    /* As the command prints them. */
    /* yunet dlib128 */
    {"dlib128", "points5", SCORE_COSINE, 1, -533.1725, 1210.9671, -689.3604},
    {"dlib128", "points5", SCORE_COSINE, 3, -550.3167, 1244.2807, -704.6175},
    /* yunet facenet512 */
    {"facenet512", "rot131x119f", SCORE_COSINE, 1, -3.1163, 10.5003, -20.3163},
    {"facenet512", "rot131x119f", SCORE_COSINE, 3, -2.3091, 7.2094, -16.2700},
    /* retinaface omz0095 */
    {"omz0095", "points5-retinaface", SCORE_COSINE, 1, 0.0748, -6.7447, -7.3547},
    {"omz0095", "points5-retinaface", SCORE_COSINE, 3, -0.4811, -3.8484, -9.6838},
    /* retinaface dlib128 */
    {"dlib128", "points5-retinaface", SCORE_COSINE, 1, -457.5551, 1046.0053, -599.4328},
    {"dlib128", "points5-retinaface", SCORE_COSINE, 3, -589.6790, 1324.5958, -745.5227},
    /* mtcnn omz0095 */
    {"omz0095", "points5-mtcnn", SCORE_COSINE, 1, -0.5935, -2.8503, -12.7102},
    {"omz0095", "points5-mtcnn", SCORE_COSINE, 3, -0.4775, -3.8352, -9.6742},
    /* mtcnn dlib128 */
    {"dlib128", "points5-mtcnn", SCORE_COSINE, 1, -308.2483, 722.4620, -424.1394},
    {"dlib128", "points5-mtcnn", SCORE_COSINE, 3, -521.8200, 1178.4000, -666.7449},

    /* Corrected for hubs, as the command prints them. */
    /* yunet facenet128 */
    {"facenet128", "rot115x105w", SCORE_HUB, 1, -1.7925, -5.0596, -12.9240},
    {"facenet128", "rot115x105w", SCORE_HUB, 3, -1.8672, -4.6267, -13.2110},
    /* yunet omz0095 */
    {"omz0095", "points5", SCORE_HUB, 1, -1.7462, -8.5747, -12.0144},
    {"omz0095", "points5", SCORE_HUB, 3, -1.8365, -7.8128, -12.0625},
    /* yunet dlib128 */
    {"dlib128", "points5", SCORE_HUB, 1, -1.6646, -42.4373, -421.8444},
    {"dlib128", "points5", SCORE_HUB, 3, -2.2981, -53.6383, -192.1107},
    /* yunet facenet512 */
    {"facenet512", "rot131x119f", SCORE_HUB, 1, -1.7617, -5.6892, -18.2410},
    {"facenet512", "rot131x119f", SCORE_HUB, 3, -1.7727, -7.7962, -9.3047},
    /* retinaface facenet128 */
    {"facenet128", "rot115x097w-retinaface", SCORE_HUB, 1, -1.7947, -4.8785, -13.3830},
    {"facenet128", "rot115x097w-retinaface", SCORE_HUB, 3, -1.8403, -4.8991, -12.4188},
    /* retinaface omz0095 */
    {"omz0095", "points5-retinaface", SCORE_HUB, 1, -1.7171, -9.1059, -9.8354},
    {"omz0095", "points5-retinaface", SCORE_HUB, 3, -1.8163, -8.0508, -12.3695},
    /* retinaface dlib128 */
    {"dlib128", "points5-retinaface", SCORE_HUB, 1, -1.6526, -42.1248, -429.9711},
    {"dlib128", "points5-retinaface", SCORE_HUB, 3, -2.2486, -51.9743, -220.7560},
    /* mtcnn facenet128 */
    {"facenet128", "rot120x097w-mtcnn", SCORE_HUB, 1, -1.7585, -5.4176, -12.0822},
    {"facenet128", "rot120x097w-mtcnn", SCORE_HUB, 3, -1.7590, -6.2625, -8.4879},
    /* mtcnn omz0095 */
    {"omz0095", "points5-mtcnn", SCORE_HUB, 1, -1.7417, -8.4566, -12.4273},
    {"omz0095", "points5-mtcnn", SCORE_HUB, 3, -1.7935, -8.6091, -9.7979},
    /* mtcnn dlib128 */
    {"dlib128", "points5-mtcnn", SCORE_HUB, 1, -1.6901, -39.0379, -483.5543},
    {"dlib128", "points5-mtcnn", SCORE_HUB, 3, -2.2556, -52.0723, -132.4672},
};
const int fmr_tables_n = (int)ARRAY_LEN(fmr_tables);
