# Random samples and what R makes of them: writes cases.json, which tests/agreement.rs reads.
# R 4.2.2, coin 1.4-2, exactRankTests 0.8-35, jsonlite. Rscript cases.R > cases.json
suppressMessages({library(coin); library(exactRankTests); library(jsonlite)})
set.seed(20261)
quietly <- function(x) suppressWarnings(tryCatch(x, error = function(e) NULL))
p <- function(test) if (is.null(test)) NA else unname(test$p.value)
stat <- function(test) if (is.null(test)) NA else unname(test$statistic)
rounded <- function(n, digits, shift = 0) round(rexp(n) * 3 + shift, digits)

counts_case <- function(i) {
  repeat {
    r <- sample(2:4, 1); k <- sample(2:4, 1)
    m <- matrix(rpois(r * k, if (r * k < 7) sample(c(3, 8, 20), 1) else sample(c(1, 2), 1)), r)
    if (all(rowSums(m) > 0) && all(colSums(m) > 0)) break
  }
  x <- quietly(chisq.test(m, correct = FALSE)); y <- quietly(chisq.test(m))
  f <- quietly(fisher.test(m, workspace = 2e7))
  list(table = m, chisq = stat(x), chisq_p = p(x), yates_p = if (all(dim(m) == 2)) p(y) else NA,
       stdres = x$stdres, fisher = p(f))
}
two_by_two_case <- function(i) {
  m <- matrix(rpois(4, sample(c(2, 6, 30, 200), 1)), 2)
  while (any(rowSums(m) == 0) || any(colSums(m) == 0)) m <- m + 1
  f <- fisher.test(m)
  list(table = m, p = f$p.value, less = fisher.test(m, alternative = "less")$p.value,
       greater = fisher.test(m, alternative = "greater")$p.value, or = unname(f$estimate),
       lower = f$conf.int[1], upper = f$conf.int[2],
       mcnemar = stat(mcnemar.test(m)), mcnemar_plain = stat(mcnemar.test(m, correct = FALSE)))
}
two_case <- function(i) {
  n <- sample(3:25, 2, replace = TRUE); d <- sample(0:3, 1)
  x <- rounded(n[1], d); y <- rounded(n[2], d, sample(c(0, 1), 1))
  if (length(unique(c(x, y))) < 3) y[1] <- x[1] + 1.5
  w <- quietly(wilcox.test(x, y, exact = FALSE, correct = FALSE))
  g <- factor(rep(1:2, n))
  t <- t.test(x, y); s <- t.test(x, y, var.equal = TRUE); v <- quietly(var.test(x, y))
  list(x = x, y = y, w = stat(w), p_plain = p(w), p_continuity = p(quietly(wilcox.test(x, y, exact = FALSE))),
       p_exact = as.numeric(pvalue(wilcox_test(c(x, y) ~ g, distribution = "exact"))),
       welch = c(stat(t), unname(t$parameter), p(t), t$conf.int), student = c(stat(s), unname(s$parameter), p(s), s$conf.int),
       variance = if (is.null(v) || !is.finite(stat(v))) NULL else c(stat(v), p(v), v$conf.int),
       ks = c(stat(quietly(ks.test(x, y))), p(quietly(ks.test(x, y, exact = TRUE)))),
       shapiro = if (length(unique(x)) > 1) unname(unlist(shapiro.test(x)[1:2])) else NULL,
       type6 = unname(quantile(x, c(.25, .75), type = 6)))
}
k_case <- function(i) {
  k <- sample(3:5, 1); n <- sample(3:12, k, replace = TRUE); g <- rep(seq_len(k), n)
  v <- round(rnorm(sum(n), g / 3, g), sample(0:3, 1))
  a <- oneway.test(v ~ g, var.equal = TRUE); w <- quietly(oneway.test(v ~ g)); b <- quietly(bartlett.test(v, g))
  list(value = v, group = g, kruskal = c(stat(kruskal.test(v, g)), p(kruskal.test(v, g))), anova = c(stat(a), p(a)),
       welch = c(stat(w), unname(w$parameter[2]), p(w)), bartlett = c(stat(b), p(b)))
}
pair_case <- function(i) {
  n <- sample(4:22, 1); d <- sample(0:3, 1)
  x <- rounded(n, d); y <- rounded(n, d, sample(c(0, 1), 1)); if (all(x == y)) x[1] <- x[1] + 1
  w <- quietly(wilcox.test(x, y, paired = TRUE, exact = FALSE)); t <- quietly(t.test(x, y, paired = TRUE))
  list(x = x, y = y, v = stat(w), p_continuity = p(w), p_plain = p(quietly(wilcox.test(x, y, paired = TRUE, exact = FALSE, correct = FALSE))),
       p_exact = p(quietly(wilcox.exact(x, y, paired = TRUE))), t = c(stat(t), p(t)),
       sign = binom.test(sum(x > y), sum(x != y))$p.value)
}
strata_case <- function(i) {
  k <- sample(2:6, 1); a <- array(rpois(4 * k, sample(c(2, 5, 12), 1)) + 1, c(2, 2, k))
  m <- mantelhaen.test(a); u <- mantelhaen.test(a, correct = FALSE); e <- mantelhaen.test(a, exact = TRUE)
  psi <- unname(m$estimate)
  bd <- local({ # Breslow and Day with Tarone's correction, by the formula
    s <- apply(a, 3, function(t) {
      r <- sum(t[1, ]); c <- sum(t[, 1]); n <- sum(t)
      f <- uniroot(function(x) x * (n - r - c + x) - psi * (r - x) * (c - x), c(max(0, r + c - n), min(r, c)), tol = 1e-13)$root
      c(t[1, 1] - f, 1 / (1 / f + 1 / (r - f) + 1 / (c - f) + 1 / (n - r - c + f)))
    })
    sum(s[1, ]^2 / s[2, ]) - sum(s[1, ])^2 / sum(s[2, ])
  })
  list(tables = lapply(seq_len(k), function(j) a[, , j]), mh = c(stat(m), p(m)), plain = stat(u),
       or = c(psi, m$conf.int), exact = p(e), exact_or = c(unname(e$estimate), e$conf.int), breslow_day = bd)
}
general_case <- function(i) {
  k <- sample(2:4, 1); a <- array(rpois(9 * k, 6) + 1, c(3, 3, k)); m <- mantelhaen.test(a)
  list(tables = lapply(seq_len(k), function(j) a[, , j]), chisq = c(stat(m), p(m)))
}
elteren_case <- function(i) {
  k <- sample(2:4, 1); n <- sample(8:20, 1); s <- rep(seq_len(k), each = n); g <- unlist(lapply(seq_len(k), function(j) sample(rep(1:2, length.out = n))))
  v <- round(rexp(k * n) * 4 + g, sample(0:2, 1))
  scores <- ave(v, s, FUN = function(x) rank(x) / (length(x) + 1))
  z <- function(y) as.numeric(statistic(independence_test(y ~ factor(g) | factor(s)), "standardized"))
  list(value = v, group = g, stratum = s, van_elteren = z(scores), stratified = z(rank(v)))
}
many <- function(n, make) lapply(seq_len(n), make)
cat(toJSON(list(counts = many(60, counts_case), two_by_two = many(60, two_by_two_case), two = many(80, two_case),
  k = many(40, k_case), pairs = many(60, pair_case), strata = many(40, strata_case), general = many(20, general_case),
  van_elteren = many(30, elteren_case)), digits = I(17), auto_unbox = TRUE, na = "null", null = "null"))
