"""Several cameras in one node: they share one model, and each may have a budget of its own. The parameter file names them.

    ros2 launch itnet multi_camera.launch.py params_file:=my_cameras.yaml
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

SHARE = get_package_share_directory('itnet')


def generate_launch_description():
    return LaunchDescription([
        DeclareLaunchArgument(
            'params_file',
            default_value=os.path.join(SHARE, 'config', 'multi_camera.yaml'),
            description='Parameter file with the cameras and their topics',
        ),
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(os.path.join(SHARE, 'launch', 'itnet.launch.py')),
        ),
    ])
