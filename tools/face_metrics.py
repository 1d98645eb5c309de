"""What is measured on {photo: unit vector} dictionaries; photos are named "Person/Person_0001.jpg".

Pure numpy, no files, no models: fit_crop.py, bench/reference_compare.py and tests/golden/test_eval.py bring the embeddings.
`people` is {person: vectors [photos][dim]}; `shots` is the number of photos in a template (1 or 3).
"""
import numpy as np

BUDGETS = (0.01, 0.003, 0.001)
PROBES_MAX = 10  # photos of a person that are compared with a gallery
# Label errors among the photos, each checked by eye: the same print under two names, and two people
# under two spellings. Between these names a score is no impostor score.
SAME = (
    ("Gabrielle_Rose", "Martha_Bowen"),
    ("Hasan_Wirayuda", "Hassan_Wirajuda"),
    ("Chyung_Dai-chul", "Dai_Chul_Chyung"),
)
ALIASES = {a: [b] for pair in SAME for a, b in (pair, pair[::-1])}


def by_person(embeddings):
    people = {}
    for photo in sorted(embeddings):
        people.setdefault(photo.split("/")[0], []).append(embeddings[photo])
    return {n: np.stack(v) for n, v in people.items()}


def tune_metrics(embeddings):
    """Every photo against every other: mean TAR over FMR 1e-2 .. 1e-4 (what the choice is made by:
    one point of the curve alone is too noisy on one fold), then TAR at 1e-3 and at 1e-4."""
    photos = sorted(embeddings)
    x = np.stack([embeddings[p] for p in photos])
    who = np.array([p.split("/")[0] for p in photos])
    upper = np.triu_indices(len(x), 1)
    scores, same = (x @ x.T)[upper], (who[:, None] == who[None])[upper]
    pos, neg = scores[same], np.sort(scores[~same])[::-1]
    tar = [(pos > neg[int(len(neg) * f)]).mean() for f in np.logspace(-2, -4, 9)]
    return np.mean(tar), tar[4], tar[8]


def pair_metrics(embeddings, folds):
    """Fold-wise accuracy (threshold from the other folds) and TAR at FAR 1e-3 over all folds."""
    rows = [[(embeddings[a] @ embeddings[b], s) for a, b, s in f
             if a in embeddings and b in embeddings] for f in folds]
    hits = []
    for i, fold in enumerate(rows):
        s, y = np.array([r for j, g in enumerate(rows) if j != i for r in g]).T
        cuts = np.quantile(s, np.linspace(0, 1, 1001))
        best = cuts[np.argmax([((s >= c) == y).mean() for c in cuts])]
        hits.append(np.mean([(r >= best) == y for r, y in fold]))
    s, y = np.array([r for f in rows for r in f]).T
    neg = np.sort(s[y == 0])[::-1]
    return np.mean(hits), (s[y == 1] > neg[int(len(neg) * 1e-3)]).mean()


def mean_template(vectors):
    t = np.sum(vectors, 0)
    return t / np.linalg.norm(t)


def one_to_many(people, shots):
    """Gallery: people with 4 photos or more, their first `shots` make the template, photos 4.. are
    probes; strangers: people with one photo. Returns sizes and TPIR at FPIR 1 % and .3 %."""
    names = [n for n in sorted(people) if len(people[n]) >= 4]
    gallery = np.stack([mean_template(people[n][:shots]) for n in names])
    probes = [(i, v) for i, n in enumerate(names) for v in people[n][3:]]
    own, x = np.array([i for i, _ in probes]), np.stack([v for _, v in probes])
    strangers = np.stack([v[0] for v in people.values() if len(v) == 1])
    wrong = np.sort((strangers @ gallery.T).max(1))[::-1]
    scores = x @ gallery.T
    right = scores.argmax(1) == own
    cuts = [wrong[int(len(wrong) * f)] for f in (0.01, 0.003)]
    tpir = [(right & (scores.max(1) > c)).mean() for c in cuts]
    return len(names), len(x), len(strangers), tpir, cuts


def impostor_scores(people, shots, clean=True):
    """Scores (best first) of each template against every photo of OTHER people, the FMR at each,
    and the number of (template person, other person) pairs. One template of the first photo, or
    one of each full group of three. A pair of people weighs 1 however many photos they have: a
    stranger is a random person, and two look-alikes with many photos must not make the tail."""
    names = sorted(people)
    index = {n: i for i, n in enumerate(names)}
    count = np.array([len(people[n]) for n in names])
    owner = np.repeat(np.arange(len(names)), count)
    probes, scores, weights, pairs = np.concatenate([people[n] for n in names]), [], [], 0
    for n in names:
        photos = people[n][:1] if shots == 1 else people[n]
        groups = [photos[j : j + shots] for j in range(0, len(photos) - shots + 1, shots)]
        own = [index[n]] + [index[x] for x in ALIASES.get(n, []) if clean and x in index]
        other = ~np.isin(owner, own)
        for group in groups:
            scores.append((probes @ mean_template(group))[other])
            weights.append(1 / count[owner][other] / len(groups))
        pairs += (len(names) - len(own)) * bool(groups)
    scores, weights = np.concatenate(scores), np.concatenate(weights)
    order = np.argsort(-scores)
    return scores[order], np.cumsum(weights[order]) / pairs, pairs


def fit_table(scores, fmr, pairs):
    """c0, c1, c2 of log10 FMR, over FMR 1e-2 .. 1e-6 (or down to 8 pairs), even in log FMR."""
    levels = np.linspace(-2, max(-6, np.log10(8 / pairs)), 60)
    return np.polyfit(scores[np.searchsorted(fmr, 10**levels)], levels, 2)[::-1]


def threshold(table, budget, people):
    """The score where FMR = budget / people (the falling side of the curve)."""
    c0, c1, c2 = table
    root = np.sqrt(c1 * c1 - 4 * c2 * (c0 - np.log10(budget / people)))
    return (-c1 - root) / (2 * c2)


def measured_fpir(people, shots, splits=10):
    """Table from one half of the people, tried on the other, in as many separate galleries of N as
    that half fills; each stranger weighs the same. {(N, budget): mean FPIR}."""
    names, out = sorted(people), {}
    for split in range(splits):
        order = np.random.default_rng(split).permutation(len(names))
        halves = [{names[i]: people[names[i]] for i in order[k::2]} for k in (0, 1)]
        table = fit_table(*impostor_scores(halves[0], shots))
        able = [n for n in halves[1] if len(halves[1][n]) >= shots]
        for n in (10, 30, 100, 200):
            for start in range(0, max(1, len(able) - n + 1), n):
                seats = able[start : start + n]
                gallery = np.stack([mean_template(people[s][:shots]) for s in seats])
                known = set(seats) | {x for s in seats for x in ALIASES.get(s, [])}
                best = [(people[p] @ gallery.T).max(1) for p in halves[1] if p not in known]
                for budget in BUDGETS:
                    cut = threshold(table, budget, len(seats))
                    rate = np.mean([(b > cut).mean() for b in best])
                    out.setdefault((n, budget), []).append(rate)
    return {k: np.mean(v) for k, v in out.items()}


def tar(s, y, far):
    """Share of pairs of one person (y) accepted, and the score that the impostors of that FAR reach."""
    neg = np.sort(s[~y])[::-1]
    cut = neg[int(len(neg) * far)]
    return (s[y] > cut).mean(), cut


def shuffled(n, state):
    """eval_shuffle of src/cmd/eval_metrics.h: splitmix64 and Fisher-Yates."""
    values, mask = list(range(n)), (1 << 64) - 1
    for i in range(n - 1, 0, -1):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        k = (z ^ (z >> 31)) % (i + 1)
        values[i], values[k] = values[k], values[i]
    return values


def identify(people, size, shots, seed):
    """rank-1 rate and, for each of BUDGETS, TPIR and threshold (None: too few strangers) of one random
    gallery, as src/cmd/eval_ident.c draws it; somebody without a photo (an empty array) counts in the draw."""
    names = sorted(people, key=str.lower)
    able = [names[i] for i in shuffled(len(names), seed) if len(people[names[i]]) > shots][:size]
    gallery = np.stack([mean_template(people[n][:shots]) for n in able])
    best, own = [], []
    for i, n in enumerate(able):
        scores = people[n][shots : shots + PROBES_MAX] @ gallery.T
        best += list(scores.max(1))
        own += list(scores.argmax(1) == i)
    seated = set(able)
    strangers = [people[n][:PROBES_MAX] for n in names if len(people[n]) and n not in seated]
    wrong = sorted(((s, 1 / len(v)) for v in strangers for s in (v @ gallery.T).max(1)), reverse=True)
    best, own, sums = np.array(best), np.array(own), np.cumsum([w for _, w in wrong])
    rates = []
    for fpir in BUDGETS:
        if len(wrong) * fpir < 1:
            rates.append(None)
            continue
        cut = wrong[np.argmax(sums > fpir * len(strangers) + 1e-9)][0]
        rates.append(((own & (best > cut)).mean(), cut))
    return own.mean(), rates


def named_strangers(people, size, shots, cut, seed):
    """Mean share of strangers' photos above a threshold, each stranger weighing the same: the people are cut into halves
    as src/cmd/eval_run.c does it, and the second half fills as many galleries of `size` as it can."""
    names = sorted((n for n in people if len(people[n])), key=str.lower)
    half = [names[i] for i in shuffled(len(names), seed)][1::2]
    able, rates = [n for n in half if len(people[n]) >= shots], []
    for start in range(0, len(able) - size + 1, size):
        seats = able[start : start + size]
        gallery = np.stack([mean_template(people[n][:shots]) for n in seats])
        rates.append(np.mean([((people[n] @ gallery.T).max(1) > cut).mean() for n in half if n not in seats]))
    return np.mean(rates)
