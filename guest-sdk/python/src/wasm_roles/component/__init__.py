"""What is there in a component only: imported by ``export_role`` when ``componentize-py`` runs, and by nothing else."""
