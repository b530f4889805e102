/** The mark: a P that is a speech bubble. */
export function Logo({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={className} aria-hidden>
      <rect width="32" height="32" rx="9" className="fill-primary" />
      <path
        d="M9 22.5V11.2C9 9.4 10.4 8 12.2 8h6.3c3.1 0 5.5 2.3 5.5 5.3s-2.4 5.3-5.5 5.3h-5.1z"
        className="fill-none stroke-primary-foreground"
        strokeWidth="2.6"
        strokeLinejoin="round"
      />
      <circle cx="15" cy="13.3" r="1.3" className="fill-primary-foreground" />
      <circle cx="19" cy="13.3" r="1.3" className="fill-primary-foreground" />
    </svg>
  );
}
