# R for what the program `bench-models` does, on the same patients:
#   Rscript models.R FOLDER N P
# It reads tasks, one a line, and answers as bench-models does. Needs the package survival.
suppressMessages(library(survival))
arguments <- commandArgs(trailingOnly = TRUE)
n <- as.integer(arguments[2])
p <- as.integer(arguments[3])
column <- function(name, k) readBin(file.path(arguments[1], name), "double", n * k)
x <- matrix(column("x", p), n, dimnames = list(NULL, paste0("x", seq_len(p))))
patients <- data.frame(entry = column("entry", 1), time = column("time", 1), event = column("event", 1),
                       treated = column("treated", 1), x)
covariates <- paste(colnames(x), collapse = " + ")
model <- function(response, terms = covariates) as.formula(paste(response, "~", terms))
closed <- Surv(patients$time, patients$event)
late <- Surv(patients$entry, patients$time, patients$event)
control <- coxph.control()
# For agreement alone: R stops at a relative change of 1e-9 or 1e-8, short of the maximum.
close <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 40)
estimates <- function(fit, covariance) c(coef(fit), sqrt(diag(covariance)))
of_kernel <- function(fit) c(fit$coefficients, sqrt(diag(fit$var)))
each <- function(...) unlist(lapply(colnames(x), function(name) {
  fit <- coxph(model("Surv(time, event)", name), patients, ...)
  estimates(fit, vcov(fit))
}))
tasks <- list(
  "cox reference" = function() of_kernel(coxph.fit(x, closed, NULL, NULL, NULL, close, NULL, "efron", NULL)),
  "start-stop reference" = function() of_kernel(agreg.fit(x, late, NULL, NULL, NULL, close, NULL, "efron", NULL)),
  "screen reference" = function() each(control = close),
  "logistic reference" = function() {
    design <- cbind(1, x)
    fit <- glm.fit(design, patients$treated, family = binomial(), control = glm.control(epsilon = 1e-15, maxit = 50))
    # `fit$qr` has the weights of the step before the last.
    fitted <- fit$fitted.values
    c(fit$coefficients, sqrt(diag(solve(crossprod(design, design * fitted * (1 - fitted))))))
  },
  "cox coxph" = function() { fit <- coxph(model("Surv(time, event)"), patients); estimates(fit, vcov(fit)) },
  "cox coxph.fit" = function() of_kernel(coxph.fit(x, closed, NULL, NULL, NULL, control, NULL, "efron", NULL)),
  "start-stop coxph" = function() { fit <- coxph(model("Surv(entry, time, event)"), patients); estimates(fit, vcov(fit)) },
  "start-stop agreg.fit" = function() of_kernel(agreg.fit(x, late, NULL, NULL, NULL, control, NULL, "efron", NULL)),
  "screen coxph" = function() each(),
  "logistic glm" = function() { fit <- glm(model("treated"), binomial, patients); estimates(fit, vcov(fit)) },
  "logistic glm.fit" = function() {
    fit <- glm.fit(cbind(1, x), patients$treated, family = binomial())
    c(fit$coefficients, sqrt(diag(chol2inv(fit$qr$qr))))
  }
)
input <- file("stdin", "r")
while (length(line <- readLines(input, 1)) > 0) {
  words <- strsplit(line, " ")[[1]]
  repetitions <- as.integer(words[3])
  work <- tasks[[paste(words[1], words[2])]]
  begin <- proc.time()
  for (k in seq_len(repetitions)) answer <- work()
  seconds <- sum((proc.time() - begin)[c("user.self", "sys.self")]) / repetitions
  cat(seconds, sprintf("%.17g", answer), "\n")
  flush(stdout())
}
