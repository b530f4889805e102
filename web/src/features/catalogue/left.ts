/** "3 minutes", from seconds: rounded so that it does not count down each second. */
export function timeLeft(seconds: number, language: string): string {
  const [unit, size] =
    seconds >= 5400
      ? (["hour", 3600] as const)
      : seconds >= 90
        ? (["minute", 60] as const)
        : (["second", 1] as const);
  const count = unit === "second" ? Math.max(5, Math.ceil(seconds / 5) * 5) : Math.round(seconds / size);
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count);
}
