"""What every report and drawing shares: figures as SVG, thumbnails, pages that hold everything they need."""
